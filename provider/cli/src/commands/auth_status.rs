//! `mops auth status`: the logins for a registry (`registry`), or which Azure identity is taken, why, and whether it can sign in. A sign-in that fails is the
//! verb's error, with the directory's own code. Shows ids and times, never a token (`tests/scenarios/auth_status.txt`).

use mops_clients::identity::{Claims, choose, kind_name, others};
use mops_core::{Class, Error};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{AuthStatusArgs, StackArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::printer::Table;

mod registry;

pub(crate) use registry::RegistryLoginsLine;

/// Who signs in to Azure.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IdentityLine {
    /// As `azure.auth` names it.
    kind: String,
    /// Why this one.
    why: String,
    /// The cloud.
    cloud: String,
    /// The sign-in host.
    authority: String,
    /// Variables that would choose another identity and do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    /// The directory; absent when the sign-in failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// The application or identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The principal that rights are given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    object_id: Option<String>,
    /// The person, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// When the token runs out; the next one is fetched by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

pub(crate) fn run(app: &App, args: &AuthStatusArgs) -> Outcome {
    crate::key::none_of(args.what.as_deref())?;
    match args.what.as_deref().filter(|word| !is_file(app, word)) {
        Some(host) => registry::run(app, args, &super::registry_host(app, Some(host))?),
        None => azure(app, &StackArgs { file: args.what.as_ref().map(Into::into), env: args.env.clone() }),
    }
}

/// A word that can only be a stack file: hosts have no slash, and do not end like one.
fn is_file(app: &App, word: &str) -> bool {
    let bare = word.strip_prefix("https://").unwrap_or(word);
    bare == word && word.contains('/')
        || [".yaml", ".yml"].iter().any(|end| word.ends_with(end))
        || app.env.path(word).is_file()
}

fn azure(app: &App, args: &StackArgs) -> Outcome {
    let pointed = place(app, args)?;
    let session = app.session(&pointed)?;
    let (kind, why) = choose(&pointed.auth, &app.env);
    let mut line = IdentityLine {
        kind: kind_name(kind).to_owned(),
        why,
        cloud: pointed.cloud.name.clone(),
        authority: pointed.cloud.authority.clone(),
        ignored: others(kind, &app.env).into_iter().map(str::to_owned).collect(),
        tenant: None,
        client_id: None,
        object_id: None,
        user: None,
        expires: None,
    };
    app.wait_for(async {
        let problem = match session.provider.services().sign_in().await {
            Ok(claims) => {
                let wrong = elsewhere(&pointed, &claims);
                fill(&mut line, claims);
                wrong
            }
            Err(error) => Some(error),
        };
        show(app, &line);
        problem.map_or(Ok(Exit::Ok), |error| Err(error.into()))
    })
}

/// The place of the stack, when one is named or there is only one; else that of a run without any.
fn place(app: &App, args: &StackArgs) -> Result<Pointed, Failure> {
    if args.file.is_none() && args.env.is_none() && app.stacks()?.len() != 1 {
        return app.pointed_without_stack();
    }
    let (stack, file) = app.stack(args)?;
    app.pointed(&stack, file)
}

fn fill(line: &mut IdentityLine, claims: Claims) {
    line.expires = super::date(claims.expires);
    (line.tenant, line.client_id) = (claims.tenant, claims.client);
    (line.object_id, line.user) = (claims.object, claims.user);
}

/// A token of another directory than the one that was asked for opens nothing.
fn elsewhere(pointed: &Pointed, claims: &Claims) -> Option<Error> {
    let (wanted, got) = (pointed.auth.tenant_id.as_ref()?, claims.tenant.as_ref()?);
    (!wanted.eq_ignore_ascii_case(got)).then(|| {
        Error::new(Class::Auth, format!("the sign-in is to directory `{got}`, and the stack names `{wanted}`"))
            .hint("sign in to that directory, for example `az login --tenant ID`")
    })
}

fn show(app: &App, line: &IdentityLine) {
    let look = app.printer.look();
    if look.json {
        app.printer.object(line);
        return;
    }
    let mut table = Table::default();
    let identity = format!("{}: {}", line.kind, line.why);
    let cloud = format!("{}, {}", line.cloud, line.authority);
    let rows = [
        ("identity", Some(&identity)),
        ("cloud", Some(&cloud)),
        ("directory", line.tenant.as_ref()),
        ("client id", line.client_id.as_ref()),
        ("object id", line.object_id.as_ref()),
        ("user", line.user.as_ref()),
        ("token until", line.expires.as_ref()),
    ];
    for (name, value) in rows.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        table.row([name, value.as_str()]);
    }
    app.printer.data(&table.render(look.width));
    for variable in &line.ignored {
        app.printer.note(&format!("`{variable}` is set and does not count: `{}` was chosen", line.kind));
    }
}
