//! An SAS of the storage account: what it may do, how long it lives, and under which name pods see it.

use std::time::Duration;

use mops_core::Place;

use super::reader::{Check, Context, Spanned, section};
use super::rule::{ContainerName, Permissions, PolicyName, VariableName};
use super::scalar::words;

const DAY: u64 = 86_400;
/// Letters of an SAS for one container, of one that Entra ID signs, and of one for the account.
const CONTAINER_LETTERS: &str = "racwdxyltfmeopi";
const DELEGATED_LETTERS: &str = "racwdxyltmeopi";
const ACCOUNT_LETTERS: &str = "rwdxylacupfti";
/// Names in the Secret of the pods that are taken already.
const TAKEN: [&str; 3] = ["REGISTRY_USERNAME", "REGISTRY_PASSWORD", "MODELOPS_BUNDLE_REGISTRY"];
/// Letters with which an SAS for the account changes or ends what is in it.
const BROAD: [char; 4] = ['w', 'd', 'x', 'y'];
/// The longest life of an SAS that Entra ID signs.
const DELEGATED: Duration = Duration::from_secs(7 * DAY);

words! {
    /// What signs an SAS and what it reaches.
    SasKind {
        /// One container, signed with an account key.
        "service" Service,
        /// The whole account, signed with an account key.
        "account" Account,
        /// One container, signed by Entra ID; 7 days at most.
        "user_delegation" UserDelegation,
    }
}

words! {
    /// Which of the account's keys signs.
    SigningKey {
        /// The first.
        "key1" Key1,
        /// The second.
        "key2" Key2,
    }
}

section! {
    /// An SAS that reaches the pods as a connection string.
    Strict Sas {
        /// The container; default `bundle-blobs`. An `account` SAS has none.
        "container" container: Option<Spanned<ContainerName>>,
        /// Letters such as `r` read, `l` list, `w` write, `d` delete; default `rl`.
        "permissions" permissions: Option<Spanned<Permissions>>,
        /// `service`, `account` or `user_delegation`; default `service`.
        "kind" kind: Option<Spanned<SasKind>>,
        /// How long it lives; default `90d`.
        "lifetime" lifetime: Option<Spanned<Duration>>,
        /// How long before its end it is renewed; default `14d`, or a fifth of a shorter life.
        "renew_before" renew_before: Option<Spanned<Duration>>,
        /// Variable under which pods see it; default AZURE_STORAGE_CONNECTION_STRING.
        "env" env: Option<Spanned<VariableName>>,
        /// Which account key signs; default `key1`.
        "signing_key" signing_key: Option<Spanned<SigningKey>>,
        /// A stored policy of the container: delete it, and the SAS ends.
        "policy" policy: Option<Spanned<PolicyName>>,
        /// Lets an SAS of `kind: account` write or delete in every container.
        "account_wide_writes" account_wide_writes: Option<Spanned<bool>>,
    }
}

impl Sas {
    /// The default of a file that says nothing.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            container: None,
            permissions: None,
            kind: None,
            lifetime: None,
            renew_before: None,
            env: None,
            signing_key: None,
            policy: None,
            account_wide_writes: None,
        }
    }

    /// What signs and what it reaches.
    #[must_use]
    pub fn kind(&self) -> SasKind {
        self.kind.as_ref().map_or(SasKind::Service, |k| k.value)
    }

    /// The container; `None` for an account SAS.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match self.kind() {
            SasKind::Account => None,
            _ => Some(self.container.as_ref().map_or("bundle-blobs", |c| c.as_str())),
        }
    }

    /// What it may do.
    #[must_use]
    pub fn permissions(&self) -> &str {
        self.permissions.as_ref().map_or("rl", |p| p.as_str())
    }

    /// How long it lives.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime.as_ref().map_or(Duration::from_secs(90 * DAY), |l| l.value)
    }

    /// How long before its end it is renewed.
    #[must_use]
    pub fn renew_before(&self) -> Duration {
        let usual = Duration::from_secs(14 * DAY);
        self.renew_before.as_ref().map_or_else(|| usual.min(self.lifetime() / 5), |r| r.value)
    }

    /// Whether an SAS for the account may write or delete.
    #[must_use]
    pub fn account_wide_writes(&self) -> bool {
        self.account_wide_writes.as_ref().is_some_and(|w| w.value)
    }

    /// The variable under which pods see it.
    #[must_use]
    pub fn env(&self) -> &str {
        self.env.as_ref().map_or("AZURE_STORAGE_CONNECTION_STRING", |e| e.as_str())
    }

    /// The logical name of the resource.
    #[must_use]
    pub fn logical_name(&self) -> String {
        self.container().map_or_else(|| "sas-account".to_owned(), |c| format!("sas-{c}"))
    }
}

impl Check for Sas {
    fn check(&self, place: &Place, cx: &mut Context) {
        self.check_letters(cx);
        self.check_signer(cx);
        if let Some(env) = self.env.as_ref().filter(|e| TAKEN.contains(&e.as_str())) {
            let summary = format!("the variable `{}` belongs to the registry", env.as_str());
            cx.error(&env.place, summary, "choose another name, for example `RESULTS_CONNECTION_STRING`");
        }
        if self.renew_before() >= self.lifetime() {
            let place = self.renew_before.as_ref().map_or(place, |r| &r.place);
            cx.error(
                place,
                "`renew_before` is not shorter than `lifetime`",
                "renew well before the end: `lifetime: 90d, renew_before: 14d`",
            );
        }
        if let (SasKind::UserDelegation, Some(life)) =
            (self.kind(), self.lifetime.as_ref().filter(|l| l.value > DELEGATED))
        {
            cx.error(
                &life.place,
                "`kind: user_delegation` lives 7 days at most",
                "write `lifetime: 7d` or less, or `kind: service`",
            );
        }
        if let (SasKind::UserDelegation, None) = (self.kind(), &self.lifetime) {
            cx.error(place, "`kind: user_delegation` needs a `lifetime` of 7 days at most", "add `lifetime: 7d`");
        }
        if let (SasKind::Account, Some(container)) = (self.kind(), &self.container) {
            cx.error(
                &container.place,
                "`kind: account` reaches every container",
                "delete `container`, or write `kind: service`",
            );
        }
    }
}

impl Sas {
    fn check_letters(&self, cx: &mut Context) {
        let letters = match self.kind() {
            SasKind::Account => ACCOUNT_LETTERS,
            SasKind::Service => CONTAINER_LETTERS,
            SasKind::UserDelegation => DELEGATED_LETTERS,
        };
        if let Some(permissions) = &self.permissions
            && let Some(letter) = permissions.chars().find(|c| !letters.contains(*c))
        {
            let summary = format!("`{letter}` is not a permission of an SAS of `kind: {}`", self.kind().as_str());
            cx.error(&permissions.place, summary, format!("use letters of `{letters}`"));
        }
        if let Some(permissions) = self.permissions.as_ref().filter(|p| p.contains(BROAD))
            && self.kind() == SasKind::Account
            && !self.account_wide_writes()
        {
            cx.error(
                &permissions.place,
                format!("`{}` with `kind: account` lets pods write or delete in every container", permissions.as_str()),
                "write `kind: service` and a `container`, or add `account_wide_writes: true`",
            );
        }
    }

    /// What belongs to another kind.
    fn check_signer(&self, cx: &mut Context) {
        let kind = self.kind();
        if let Some(key) = self.signing_key.as_ref().filter(|_| kind == SasKind::UserDelegation) {
            let hint = "delete `signing_key`, or write `kind: service`";
            cx.error(&key.place, "no account key signs an SAS of `kind: user_delegation`", hint);
        }
        if let Some(policy) = self.policy.as_ref().filter(|_| kind != SasKind::Service) {
            let summary = format!("an SAS of `kind: {}` cannot have a stored `policy`", kind.as_str());
            cx.error(&policy.place, summary, "delete `policy`, or write `kind: service`");
        }
        if let Some(writes) = self.account_wide_writes.as_ref().filter(|_| kind != SasKind::Account) {
            let hint = "delete `account_wide_writes`: `permissions` is enough";
            cx.error(&writes.place, "`account_wide_writes` is for `kind: account`", hint);
        }
    }
}
