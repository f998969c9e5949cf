//! Where else a token is: the file of a login node, Secrets of a cluster, and what only its owner writes. A place gets the new
//! one where it holds the old one, told by hashes, and stays as it is otherwise.

use mops_core::{Error, Secret};
use mops_host::fsx;
use mops_tokens::check::{self, Stamped};
use mops_tokens::names::{HF, WANDB};
use mops_tokens::saved;
use mops_tokens::secret::{self, Held, Stranger};
use mops_tokens::sync::{self, Order, Refused};
use mops_tokens::written;

use super::journal::Entry;
use super::ngc::Left;
use super::token::Kind;
use crate::app::App;
use crate::args::RotateTokenArgs;
use crate::exit::{Exit, Failure};
use crate::kubeconfig;
use crate::login_node::{self, LoginNode};
use crate::session::Session;

/// One that is written.
pub(super) enum Place<'a> {
    /// The file of a login node.
    Node(&'a Node),
    /// A Secret.
    Secret(&'a Held),
}

/// The file of a login node, as it was found.
pub(super) struct Node {
    node: LoginNode,
    path: String,
    file: Option<Stamped>,
}

impl Place<'_> {
    /// As people name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Node(node) => format!("{}:{}", node.node.host.name(), node.path),
            Self::Secret(held) => format!("secret {} of namespace {}", held.name(), held.namespace()),
        }
    }
}

/// Everything that was looked at.
pub(super) struct Places<'a> {
    app: &'a App,
    variable: &'static str,
    new: Secret<String>,
    nonce: String,
    /// What a host computes of the old one.
    digest: Option<String>,
    node: Option<Node>,
    secrets: Vec<(Held, Known)>,
    left: Vec<Left>,
}

/// What a place holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Old,
    New,
    Other,
}

impl<'a> Places<'a> {
    pub(super) async fn find(
        app: &'a App,
        args: &RotateTokenArgs,
        session: &Session,
        (variable, new): (&'static str, &Secret<String>),
        entry: &Entry,
    ) -> Result<Self, Failure> {
        let (nonce, digest) = entry.digest();
        let (nonce, digest) = (nonce.to_owned(), digest.cloned());
        let mut places =
            Self { app, variable, new: new.clone(), nonce, digest, node: None, secrets: Vec::new(), left: Vec::new() };
        if args.here {
            let why = "they were not looked at (`--here`): `mops tokens sync` sends it there".to_owned();
            places.left.push(Left { place: "login nodes and clusters".to_owned(), why });
            return Ok(places);
        }
        places.on_node(args).await?;
        places.in_cluster(args, session, entry).await?;
        Ok(places)
    }

    async fn on_node(&mut self, args: &RotateTokenArgs) -> Result<(), Failure> {
        let Some(node) = login_node::known(self.app, &args.node)? else { return Ok(()) };
        let path = login_node::env_path(self.app, &args.path, &node.workdir)?;
        let file = self.look(&node, &path).await?;
        self.node = Some(Node { node, path, file });
        Ok(())
    }

    async fn look(&self, node: &LoginNode, path: &str) -> Result<Option<Stamped>, Failure> {
        let names = [self.variable.to_owned()];
        let file = tokio::select! {
            file = check::stamped(&self.app.env, &node.host, (path, &self.nonce), &names) => file,
            () = self.app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
        };
        file.map_err(login_node::no_ssh)?.map_err(|seen| login_node::refusal(&seen))
    }

    async fn in_cluster(&mut self, args: &RotateTokenArgs, session: &Session, entry: &Entry) -> Result<(), Failure> {
        let named = args.cluster.kubeconfig.is_some() || args.cluster.context.is_some() || !args.namespace.is_empty();
        if !named && !kubeconfig::target(&self.app.env)?.exists() {
            return Ok(());
        }
        let kube = session.kubernetes(self.app, &args.cluster).await?.with_cancel(&self.app.cancel);
        let name = args.name.as_deref().unwrap_or(secret::NAME);
        let mut found = Vec::new();
        for namespace in &args.namespace {
            found.push(Held::read(kube.clone(), namespace, name).await.map_err(|error| error.into_core())?);
        }
        if args.namespace.is_empty() {
            match Held::everywhere(&kube, name).await {
                Ok(all) => found = all,
                Err(error) => {
                    let why = format!(
                        "its secrets cannot be listed ({}): `--namespace NAME` names some",
                        error.into_core().summary()
                    );
                    self.left.push(Left { place: "the cluster".to_owned(), why });
                }
            }
        }
        for held in found {
            let known = match held.values().get(self.variable) {
                None => continue,
                Some(value) if *value == self.new => Known::New,
                Some(value) if entry.is_before(value) => Known::Old,
                Some(_) => Known::Other,
            };
            self.secrets.push((held, known));
        }
        Ok(())
    }

    fn of_file(&self, file: &Stamped) -> Option<Known> {
        let hash = file.hashes.get(self.variable)?.as_ref()?;
        Some(match hash {
            hash if *hash == sync::keyed(&self.nonce, self.new.expose()) => Known::New,
            hash if Some(hash) == self.digest.as_ref() => Known::Old,
            _ => Known::Other,
        })
    }

    /// Those that get the new one, or have it from an earlier run, and those that are left as they are.
    pub(super) fn sorted(&self) -> (Vec<Place<'_>>, Vec<Left>) {
        let (mut places, mut left) = (Vec::new(), self.left.clone());
        let other = "it has another value than the old one: `mops tokens sync` sends what is here";
        if let Some(node) = &self.node
            && let Some(known) = node.file.as_ref().and_then(|file| self.of_file(file))
        {
            let stack =
                node.file.as_ref().and_then(|file| file.stamp.as_deref()).and_then(|stamp| stamp.split(' ').next());
            match (stack, known) {
                (Some(stack), Known::Old | Known::Other) => left.push(of_stack(Place::Node(node).name(), stack)),
                (None, Known::Other) => left.push(Left { place: Place::Node(node).name(), why: other.to_owned() }),
                _ => places.push(Place::Node(node)),
            }
        }
        for (held, known) in &self.secrets {
            let place = Place::Secret(held);
            match (held.stranger(), known) {
                (Some(Stranger::Stack(stack)), Known::Old | Known::Other) => left.push(of_stack(place.name(), &stack)),
                (Some(_), Known::Old | Known::Other) => {
                    left.push(Left { place: place.name(), why: "it was not made by `mops tokens sync`".to_owned() });
                }
                (None, Known::Other) => left.push(Left { place: place.name(), why: other.to_owned() }),
                _ => places.push(place),
            }
        }
        (places, left)
    }

    /// Puts the new one in the place of the old one.
    pub(super) async fn write(&self, place: &Place<'_>) -> Result<(), Failure> {
        if self.has_new(place).await? {
            return Ok(());
        }
        let one = vec![(self.variable.to_owned(), self.new.clone())];
        match place {
            Place::Secret(held) => {
                held.write(&one, true).await.map_err(|error| error.into_core())?;
                Ok(())
            }
            Place::Node(Node { node, path, .. }) => {
                let text =
                    written::text(&one).map_err(|wrong| Failure::usage(wrong.to_string(), "give it in one line"))?;
                let order = Order { path, text: &text, merge: Some(vec![self.variable.to_owned()]), mark: None };
                let sent = tokio::select! {
                    sent = sync::send(&self.app.env, &node.host, &order) => sent.map_err(login_node::no_ssh)?,
                    () = self.app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
                };
                match sent.written {
                    Ok(_) => Ok(()),
                    Err(Refused::Seen) => Err(login_node::refusal(&sent.seen)),
                    Err(Refused::Because(text, hint)) => {
                        let error = Error::new(mops_core::Class::Conflict, text).hint(hint);
                        Err(Failure::Error(Exit::Failed, Box::new(error)))
                    }
                }
            }
        }
    }

    /// Whether a place gives the new one back.
    pub(super) async fn has_new(&self, place: &Place<'_>) -> Result<bool, Failure> {
        match place {
            Place::Secret(held) => {
                let now = held.again().await.map_err(|error| error.into_core())?;
                Ok(now.values().get(self.variable) == Some(&self.new))
            }
            Place::Node(Node { node, path, .. }) => {
                let file = self.look(node, path).await?;
                Ok(file.and_then(|file| self.of_file(&file)) == Some(Known::New))
            }
        }
    }

    /// What holds the old one and only its owner writes.
    pub(super) async fn others(&self, kind: &Kind, entry: &Entry) -> Vec<Left> {
        let env = &self.app.env;
        let old = |value: Option<Secret<String>>| value.is_some_and(|value| entry.is_before(&value));
        let mut left = Vec::new();
        if old(env.secret(kind.variable)) {
            let why = "this shell exports the old one: take it out of its profile".to_owned();
            left.push(Left { place: format!("variable {}", kind.variable), why });
        }
        if kind.variable == HF {
            let path = saved::hub_file(env);
            let text = fsx::read_text(&path).ok().map(|text| Secret::from(text.trim()));
            if old(text) {
                left.push(Left { place: path.display().to_string(), why: "`hf auth login` changes it".to_owned() });
            }
        }
        if kind.variable == WANDB
            && let Some((path, value)) = saved::wandb(env)
            && old(Some(value))
        {
            left.push(Left { place: path.display().to_string(), why: "`wandb login --relogin` changes it".to_owned() });
        }
        left
    }
}

fn of_stack(place: String, stack: &str) -> Left {
    let why = format!("stack {stack} keeps it: put the new one where its file takes it from, and run `mops infra up`");
    Left { place, why }
}
