//! `novita:` — registry credentials and instances at Novita.

use mops_core::Place;

use super::reader::{Check, Context, Spanned, section};
use super::rule::{ImageName, ObjectName};
use super::scalar::Whole;
use super::source::SecretSource;

section! {
    /// A registry credential at Novita.
    Strict NovitaAuth {
        /// Its name there.
        "name" name: Spanned<ObjectName>,
        /// `self`: a pull-only token of its own in this stack's registry, whatever `registry.auth` is.
        "registry" registry: Spanned<String>,
    }
}
impl Check for NovitaAuth {
    fn check(&self, _: &Place, cx: &mut Context) {
        if self.registry.value != "self" {
            let hint =
                "write `registry: self`; `mops novita auth create` has Novita keep a login of any other registry";
            cx.error(&self.registry.place, "`registry` of a login at Novita can only be `self`", hint);
        }
    }
}

section! {
    /// An instance at Novita.
    Strict NovitaInstance {
        /// Its name there.
        "name" name: Spanned<ObjectName>,
        /// Image that it runs.
        "image" image: Spanned<ImageName>,
        /// Product of Novita's list.
        "product" product: Spanned<String>,
        /// Number of GPUs.
        "gpus" gpus: Option<Spanned<Whole<1, 8>>>,
        /// Gigabytes of its disk; 60 when it is not given.
        "disk" disk: Option<Spanned<Whole<10, 6144>>>,
        /// The registry credential that it pulls with.
        "registry_auth" registry_auth: Option<Spanned<ObjectName>>,
    }
}
impl Check for NovitaInstance {}

section! {
    /// Novita's GPU cloud.
    Strict Novita {
        /// Where the key is; else NOVITA_API_KEY.
        "api_key" api_key: Option<Spanned<SecretSource>>,
        /// Registry credentials.
        "registry_auths" registry_auths: Vec<Spanned<NovitaAuth>>,
        /// Instances.
        "instances" instances: Vec<Spanned<NovitaInstance>>,
    }
}
impl Check for Novita {
    fn check(&self, _: &Place, cx: &mut Context) {
        let known: Vec<&str> = self.registry_auths.iter().map(|one| one.name.as_str()).collect();
        let named = self.instances.iter().filter_map(|one| one.registry_auth.as_ref());
        for name in named.filter(|name| !known.contains(&name.as_str())) {
            let summary = format!("`{}` is none of `registry_auths`", name.as_str());
            let hint = match known.as_slice() {
                [] => "add it to `novita.registry_auths`".to_owned(),
                all => format!("there is {}", all.join(", ")),
            };
            cx.error(&name.place, summary, hint);
        }
    }
}
