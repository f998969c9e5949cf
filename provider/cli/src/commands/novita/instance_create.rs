//! `mops novita instance create`: six steps from a template to an instance that gets its private image, each told with `-v`
//! and `--json`, none with a secret (`tests/novita_instance.rs`, V-04 to V-07, M-14).

use mops_clients::novita::{
    AuthRef, Billing, ImageAuth, InstanceSpec, Machine, Novita, RegistryAuth, Resolved, Template, is_masked, own_name,
    ports,
};
use mops_core::{Class, Error, Secret};
use mops_diagnose::novita as seen;
use schemars::JsonSchema;
use serde::Serialize;

use super::{caused, client, failure, template_file};
use crate::app::App;
use crate::args::{NovitaBilling, NovitaInstanceCreateArgs, NovitaKind};
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// A step on the way from a template to its instance.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaStepLine {
    /// From 1 to 6.
    step: u8,
    /// `template`, `list`, `match`, `extract`, `format` or `include`.
    name: &'static str,
    /// What came of it.
    told: String,
}

/// An instance was created.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaInstanceCreatedLine {
    /// Its id.
    id: String,
    /// Its own name.
    name: String,
    /// The answer was lost, and it was found by its name.
    adopted: bool,
    /// The registry login that it gets its image with, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_auth_id: Option<String>,
}

pub(super) fn run(app: &App, args: &NovitaInstanceCreateArgs) -> Outcome {
    let words = [&args.template, &args.name, &args.image, &args.image_auth, &args.product, &args.cluster];
    key::none_of(words.into_iter().flatten().map(|word| &**word))?;
    if args.image_auth.as_deref().is_some_and(|id| id.contains(':')) {
        let hint = "`mops novita auth create` has Novita keep the login, and tells its id";
        return Err(Failure::usage("`--image-auth` looks like `USER:PASSWORD`, which is refused", hint));
    }
    let file = args.template.as_deref().filter(|template| is_file(app, template));
    let template = file.map(|file| template_file(app, &app.env.path(file))).transpose()?;
    // What is wrong with a file is told before anything is asked.
    if let Some(template) = template.clone().or_else(|| args.template.is_none().then(Template::default)) {
        wanted(args, template)?;
    }
    let novita = client(app, &args.key)?;
    app.wait_for(async {
        let template = match (template, &args.template) {
            (Some(template), _) => template,
            (None, Some(id)) => novita.template(id).await.map_err(|error| failure(&novita, error, id))?,
            (None, None) => Template::default(),
        };
        let (mut spec, auth) = wanted(args, template)?;
        let creating = Creating { app, novita: &novita, inline: args.inline_credentials };
        creating.step(1, "template", &auth.as_ref().map_or_else(|| "no imageAuth".to_owned(), named));
        spec.image_auth = match auth {
            Some(auth) => creating.image_auth(&auth).await?,
            None => ImageAuth::None,
        };
        creating.make(&spec).await
    })
}

fn is_file(app: &App, template: &str) -> bool {
    let named = template.contains('/') || [".yaml", ".yml", ".json"].iter().any(|end| template.ends_with(end));
    named || app.env.path(template).is_file()
}

fn named(auth: &AuthRef) -> String {
    match auth {
        AuthRef::Id(id) => format!("imageAuth {id}"),
        AuthRef::Name(name) => format!("imageAuth by the name {name}"),
    }
}

/// The request without its login: the template, and what flags say in its place.
fn wanted(args: &NovitaInstanceCreateArgs, template: Template) -> Result<(InstanceSpec, Option<AuthRef>), Failure> {
    let Template { name, spec, image_auth, .. } = template;
    let own = args.name.clone().unwrap_or_else(|| plain(&name));
    let text = |flag: &Option<String>, own: &str| flag.clone().unwrap_or_else(|| own.to_owned());
    let ports = match &args.ports {
        Some(given) => ports(&serde_json::Value::from(given.as_str())).map_err(|why| {
            Failure::usage(format!("`--ports` cannot be sent: {why}"), "for example `8888/http,22/tcp`")
        })?,
        None => spec.ports.clone(),
    };
    let machine = match args.kind {
        Some(NovitaKind::Gpu) => Machine::Gpu,
        Some(NovitaKind::Cpu) => Machine::Cpu,
        None => spec.machine,
    };
    let billing = match args.billing {
        Some(NovitaBilling::OnDemand) => Some(Billing::OnDemand),
        Some(NovitaBilling::Monthly) => Some(Billing::Monthly),
        Some(NovitaBilling::Spot) => Some(Billing::Spot),
        None => spec.billing,
    };
    let spec = InstanceSpec {
        product_id: text(&args.product, &spec.product_id),
        gpu_num: args.gpus.unwrap_or(spec.gpu_num.max(1)),
        rootfs_size: args.disk.unwrap_or(spec.rootfs_size),
        image_url: text(&args.image, &spec.image_url),
        cluster_id: text(&args.cluster, &spec.cluster_id),
        month: args.months.or(spec.month),
        name: own_name(&own),
        machine,
        billing,
        ports,
        ..spec
    };
    spec.check().map_err(|error| {
        let hint = "give it in the template, or by the flag: `--help` lists them; nothing was sent";
        Failure::usage(format!("the instance cannot be asked for: {error}"), hint)
    })?;
    let auth = args.image_auth.clone().map(AuthRef::Id).or(image_auth);
    Ok((spec, auth))
}

/// The displayed name of a template as part of a name.
fn plain(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(fits).take(60).collect()
}

struct Creating<'a> {
    app: &'a App,
    novita: &'a Novita,
    inline: bool,
}

impl Creating<'_> {
    fn step(&self, step: u8, name: &'static str, told: &str) {
        self.app.printer.event(&NovitaStepLine { step, name, told: told.to_owned() });
        if self.app.global.verbose {
            self.app.printer.tell(&format!("{step} {name}: {told}"));
        }
    }

    async fn image_auth(&self, wanted: &AuthRef) -> Result<ImageAuth, Failure> {
        let resolved = self.novita.resolve(wanted).await;
        let Resolved { auth, all } = resolved.map_err(|error| failure(self.novita, error, ""))?;
        self.step(2, "list", &format!("{} registry logins", all.len()));
        self.step(3, "match", &format!("{} is {} of {}", wanted.text(), auth.id, auth.name));
        let masked = is_masked(&auth, &all);
        let password = if masked { "masked by service" } else { "received" };
        self.step(4, "extract", &format!("user {}, password {password}", auth.username));
        if !self.inline {
            self.step(5, "format", &format!("imageAuthId {}", auth.id));
            return Ok(ImageAuth::Id(auth.id));
        }
        let pair = self.pair(&auth, masked)?;
        self.step(5, "format", "USER:PASSWORD, sent inline");
        Ok(ImageAuth::Inline(pair))
    }

    /// User and password as one text; mask characters are never sent as a password.
    fn pair(&self, auth: &RegistryAuth, masked: bool) -> Result<Secret<String>, Failure> {
        if auth.username.contains(':') {
            let text = format!("the user `{}` has a `:` in it and cannot be sent inline", auth.username);
            return Err(Failure::usage(text, "leave `--inline-credentials` away: the id of the login is sent then"));
        }
        let password = auth.password.as_ref().filter(|_| !masked).ok_or_else(|| {
            let text = format!("Novita masks the password of `{}`: nothing is sent inline", auth.id);
            let error = Error::new(Class::Conflict, text);
            let error = error.hint("leave `--inline-credentials` away: the id of the login is sent then");
            caused(error, Exit::Failed, "MASKED", &seen::masked(&self.novita.base().host(), &auth.id))
        })?;
        Ok(Secret::new(format!("{}:{}", auth.username, password.expose())))
    }

    async fn make(&self, spec: &InstanceSpec) -> Outcome {
        let (told, image_auth_id) = match &spec.image_auth {
            ImageAuth::None => ("no login, so anybody has to get the image".to_owned(), None),
            ImageAuth::Id(id) => (format!("imageAuthId {id}, no imageAuth"), Some(id.clone())),
            ImageAuth::Inline(_) => ("imageAuth, no imageAuthId".to_owned(), None),
        };
        self.step(6, "include", &format!("request for {}: {told}", spec.name));
        let made = self.novita.create_instance(spec).await;
        let made = made.map_err(|error| failure(self.novita, error, &spec.name))?;
        let (id, name, adopted) = (made.id, spec.name.clone(), made.adopted);
        if !self.app.printer.look().json {
            self.app.printer.data(&id);
        }
        self.app.printer.tell(&format!("Novita makes `{id}`, named {name}"));
        if adopted {
            self.app
                .printer
                .note("its answer was lost; the instance was found by its name, and no second one was made");
        }
        self.app.printer.hint(&format!("`mops novita instance get {id}` shows how far it is"));
        self.app.printer.event(&NovitaInstanceCreatedLine { id, name, adopted, image_auth_id });
        Ok(Exit::Ok)
    }
}
