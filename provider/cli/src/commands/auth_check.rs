//! `mops auth check`: whether images can be pulled, before anything tries to (`tests/auth_check.rs`, L-10, L-11).

use mops_diagnose::pullable::{self, Asked, Pull, Pullable};
use mops_diagnose::{Finding, Here, Request};
use mops_wire::registry::Reference;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::CheckImagesArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// Whether an image, or a model of NGC, can be pulled.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PullableLine {
    /// As docker writes it in full; a model as `ORG[/TEAM]/NAME:VERSION`.
    image: String,
    /// `public`, `ok with login`, `harmful login`, `login required`, `refused` or `not known`.
    result: &'static str,
    /// The place of the login that gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    /// Each `SYSTEM/ARCHITECTURE` that it is there for, where its manifest says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<String>,
    /// Bytes of the compressed layers, those for `linux/amd64` where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed: Option<u64>,
    /// The digest of the manifest that the name leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// What keeps it from being pulled, the first one deciding.
    findings: Vec<Finding>,
}

impl PullableLine {
    fn of(image: &Pullable) -> Self {
        let anatomy = image.anatomy.clone();
        Self {
            image: image.image.clone(),
            result: image.pull.word(),
            login: image.login.clone(),
            platforms: anatomy.as_ref().map(|a| a.platforms.clone()).unwrap_or_default(),
            compressed: anatomy.as_ref().and_then(|a| a.compressed),
            digest: anatomy.map(|a| a.digest),
            findings: image.findings.clone(),
        }
    }
}

pub(crate) fn run(app: &App, args: &CheckImagesArgs) -> Outcome {
    key::none_of(args.images.iter().map(String::as_str))?;
    let images = args.images.iter().map(|image| reference(image)).collect::<Result<_, _>>()?;
    let asked = Asked { images, models: Vec::new(), anonymous: args.anonymous };
    let looked = look(app, &asked)?;
    Ok(exit(&looked, args.anonymous))
}

/// Looks from this machine, and tells what came of it.
pub(super) fn look(app: &App, asked: &Asked) -> Result<Vec<Pullable>, Failure> {
    let session = app.session(&app.pointed_without_stack()?)?;
    let here = Here { http: session.http()?, env: app.env.clone(), clock: session.clock.clone() };
    let request = Request::new("", "", "");
    app.wait_for(async {
        let looked = tokio::select! {
            looked = pullable::look(&request, &here, asked) => looked,
            () = app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
        };
        for image in &looked {
            app.printer.event(&PullableLine::of(image));
            if !app.printer.look().json {
                app.printer.data(&image.text(app.printer.look().width));
            }
        }
        Ok(looked)
    })
}

pub(super) fn reference(image: &str) -> Result<Reference, Failure> {
    image.parse().map_err(|error: mops_wire::registry::ReferenceError| {
        Failure::usage(error.to_string(), "for example `nvcr.io/nvidia/pytorch:25.12-py3`")
    })
}

/// What is not given fails; what nobody could tell of is no answer at all.
pub(super) fn exit(looked: &[Pullable], anonymous: bool) -> Exit {
    let fails = |pull: Pull| match pull {
        Pull::Public | Pull::WithLogin | Pull::Unknown => false,
        Pull::HarmfulLogin => !anonymous,
        Pull::LoginRequired | Pull::Refused => true,
    };
    if looked.iter().any(|image| fails(image.pull)) {
        Exit::Failed
    } else if looked.iter().any(|image| image.pull == Pull::Unknown) {
        Exit::CouldNotRun
    } else {
        Exit::Ok
    }
}
