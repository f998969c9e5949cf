//! Everything inside the namespace: credentials first, then what uses them.

use mops_core::Urn;

use super::super::{Component, Expr};
use super::builder::{Builder, members};
use super::dask;
use super::monitor;
use super::registry::{Access, Login, Signs, secret_data, workload_identity};

/// Name of the Secret with everything that pods need.
pub(super) const CREDENTIALS: &str = "bundle-credentials";
/// Name of the Secret that the kubelet pulls with.
pub(super) const PULL_SECRET: &str = "registry-pull";

/// The Secrets of a workspace, as far as it has them.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) credentials: Option<Urn>,
    pub(super) pull: Option<Urn>,
    pub(super) registry: Option<Expr>,
    /// Its host alone.
    pub(super) server: Option<Expr>,
    /// The service account of the pods, and what else lets them sign in without a password.
    pub(super) identity: Option<Vec<Urn>>,
}

pub(super) fn declare(b: &mut Builder<'_>) {
    let file = b.file;
    let Some(workspace) = &file.workspace else { return };
    let mut namespace = b.in_cluster("Namespace", "namespace", members([("name", b.names.namespace.clone().into())]));
    namespace.place = Some(workspace.place.clone());
    let namespace = b.push(namespace);
    b.made.namespace = Some(namespace.clone());
    let access = b.registry_access();
    let credentials = credentials(b, &namespace, access.as_ref());
    b.made.pull_secret = pull_secret(b, &namespace, access.as_ref());
    // A secret that only the pods before it name is not for those of now.
    let signs_in = access.as_ref().is_some_and(|a| a.login.is_some());
    let secrets = Secrets {
        credentials,
        pull: b.made.pull_secret.clone().filter(|_| signs_in),
        server: access.as_ref().map(|a| a.server.clone()),
        registry: access.map(|a| a.address),
        identity: workload_identity::pods(b, &namespace),
    };
    dask::declare(b, workspace, &namespace, &secrets);
    monitor::declare(b, &namespace, &secrets);
}

fn credentials(b: &mut Builder<'_>, namespace: &Urn, access: Option<&Access>) -> Option<Urn> {
    let mut data = secret_data(access);
    for (variable, sas) in &b.made.sas {
        data.insert(variable.clone(), Expr::output(sas, "connectionString"));
    }
    if data.is_empty() {
        return None;
    }
    let inputs = members([
        ("namespace", Expr::output(namespace, "name")),
        ("name", CREDENTIALS.into()),
        ("type", "Opaque".into()),
        ("data", Expr::Map(data)),
    ]);
    let mut secret = b.in_cluster("Secret", CREDENTIALS, inputs);
    secret.place = b.file.workspace.as_ref().map(|w| w.place.clone());
    Some(b.push(secret))
}

fn pull_secret(b: &mut Builder<'_>, namespace: &Urn, access: Option<&Access>) -> Option<Urn> {
    let access = access?;
    let left = b.login_left();
    let Login { username, password, signs } = access.login.as_ref().or(left.as_ref())?;
    let mut inputs = members([
        ("namespace", Expr::output(namespace, "name")),
        ("name", PULL_SECRET.into()),
        ("registry", access.host.clone()),
        ("username", username.clone()),
        ("password", password.clone()),
    ]);
    if *signs == Signs::Principal {
        inputs.insert("servicePrincipal".into(), true.into());
    }
    let mut secret = b.in_cluster("ImagePullSecret", "pull-secret", inputs);
    secret.component = Component::Workspace;
    secret.place = b.file.workspace.as_ref().map(|w| w.place.clone());
    secret.depends_on.extend(b.made.principal_pull.clone());
    Some(b.push(secret))
}
