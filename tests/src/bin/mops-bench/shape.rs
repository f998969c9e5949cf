//! What the command line asks for: flags, and the program that they describe.

use std::net::SocketAddr;
use std::path::PathBuf;

use mops_core::{Urn, Value};
use mops_engine::program::{Component, Declared, Expr, Output, Program, Scope};
use mops_tests::null::{GROUP, SWAP, TOKEN, stack};
use mops_tests::rig::{program_of, refer, typed};
use serde_json::json;

/// The flags; each has a value.
pub(crate) struct Args {
    pub(crate) verb: String,
    /// `blocks`, `chain`, or `graph`: some depend on one, some on two.
    pub(crate) shape: String,
    /// `thing`, `swap`, `group`, or `mixed`: things and swaps in turn.
    pub(crate) kind: String,
    pub(crate) n: usize,
    pub(crate) dir: PathBuf,
    pub(crate) parallelism: usize,
    pub(crate) latency: u64,
    pub(crate) value: String,
    /// So many bytes more in each value.
    pub(crate) pad: usize,
    pub(crate) replace: Option<String>,
    /// The word by which every tenth thing fails.
    pub(crate) fail: Option<String>,
    /// A secret input of the first of ten things, whose operation has a URL as well.
    pub(crate) secret: Option<String>,
    /// What the stack is about.
    pub(crate) scope: Option<String>,
    /// A folder that is the service.
    pub(crate) service: Option<PathBuf>,
    /// The address of a service in another process.
    pub(crate) server: Option<SocketAddr>,
    /// Of a thousand changes, so many are never answered (`serve`).
    pub(crate) lost: u64,
    pub(crate) seed: u64,
}

impl Args {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            verb: words.next().ok_or("which operation?")?,
            shape: "blocks".into(),
            kind: "thing".into(),
            n: 1000,
            dir: PathBuf::new(),
            parallelism: 16,
            latency: 0,
            value: "one".into(),
            pad: 0,
            replace: None,
            fail: None,
            secret: None,
            scope: None,
            service: None,
            server: None,
            lost: 0,
            seed: 1,
        };
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
            args.set(&flag, value)?;
        }
        if args.dir.as_os_str().is_empty() && args.verb != "serve" { Err("--dir is missing".into()) } else { Ok(args) }
    }

    fn set(&mut self, flag: &str, value: String) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value} is not a number"));
        match flag {
            "--n" => self.n = number()? as usize,
            "--parallelism" => self.parallelism = number()? as usize,
            "--pad" => self.pad = number()? as usize,
            "--latency" => self.latency = number()?,
            "--lost" => self.lost = number()?,
            "--seed" => self.seed = number()?,
            "--server" => self.server = Some(value.parse().map_err(|_| format!("{value} is not an address"))?),
            "--shape" => self.shape = value,
            "--kind" => self.kind = value,
            "--dir" | "--home" => self.dir = PathBuf::from(value),
            "--value" => self.value = value,
            "--replace" => self.replace = Some(value),
            "--fail" => self.fail = Some(value),
            "--secret" => self.secret = Some(value),
            "--scope" => self.scope = Some(value),
            "--service" => self.service = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown flag {flag}")),
        }
        Ok(())
    }

    pub(crate) fn scope(&self) -> Option<Scope> {
        self.scope.as_ref().map(|name| Scope { resource_group: Some(name.clone()), ..Scope::default() })
    }

    /// The program of these flags.
    pub(crate) fn program(&self) -> Program {
        self.program_of(0..self.n)
    }

    /// The same with these things only; what they depend on must be among them.
    pub(crate) fn program_of(&self, which: impl IntoIterator<Item = usize>) -> Program {
        let resources: Vec<Declared> = which.into_iter().map(|i| self.declared(i)).collect();
        let value = resources.first().map(|first| Expr::output(&first.urn, "echo"));
        let shown = value.filter(|_| self.shape == "graph");
        let output = |value| Output { component: Component::Workspace, name: "first".into(), value };
        program_of(stack(), resources, shown.map(output).into_iter().collect())
    }

    fn token(&self, i: usize) -> &'static str {
        match self.kind.as_str() {
            "swap" => SWAP,
            "group" => GROUP,
            "mixed" if i % 2 == 1 => SWAP,
            _ => TOKEN,
        }
    }

    fn urn(&self, i: usize) -> Urn {
        Urn::new(&stack(), self.token(i), &format!("thing-{i}"))
    }

    fn declared(&self, i: usize) -> Declared {
        let mut inputs = json!({"value": self.value.clone() + &"x".repeat(self.pad), "replace": self.replace});
        if self.latency > 0 {
            inputs["latency"] = json!(self.latency);
        }
        if self.token(i) == SWAP {
            inputs["swap"] = json!(true);
        }
        if i % 10 == 3 && self.fail.is_some() {
            inputs["fail"] = json!(self.fail);
        }
        let mut declared = typed(self.token(i), &format!("thing-{i}"), inputs);
        if let (Some(secret), Expr::Map(members), 0) = (&self.secret, &mut declared.inputs, i % 10) {
            members.insert("secret".into(), Expr::Value(Value::from(secret.as_str()).into_secret()));
            members.insert("operation".into(), Expr::from("yes"));
        }
        match self.shape.as_str() {
            "chain" if i > 0 => refer(&mut declared, "before", &self.urn(i - 1), "id"),
            "graph" if i > 0 => {
                refer(&mut declared, "before", &self.urn((i - 1) / 3), "id");
                if i % 5 == 4 {
                    declared.depends_on = vec![self.urn(i / 2)];
                }
            }
            _ => {}
        }
        declared
    }
}
