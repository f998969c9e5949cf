//! Every change that a client asks for: create, replace, merge, apply, delete, with the guards of
//! the real server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::apply::{Writer, apply, track};
use super::body::fault;
use super::defaults::{admitted, drop_nulls, fill, quality};
use super::ephemeral;
use super::fields::duplicate;
use super::kinds::{Kind, undeclared};
use super::status::Refusal;
use super::store::{Store, key_of, text};
use super::validate::check;

/// What is written, by whom, and whether it is only tried.
pub(super) struct Write {
    pub(super) kind: &'static Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) writer: Writer,
    pub(super) dry_run: bool,
}

/// The answer to a write.
pub(super) struct Written {
    pub(super) code: u16,
    pub(super) object: Json,
}

/// How the new content came: an apply has booked its fields already.
#[derive(PartialEq)]
enum Form {
    Update,
    Apply,
}

impl Write {
    fn invalid_body(&self, why: &str) -> Refusal {
        let (kind, version) = (self.kind.kind, self.kind.version);
        Refusal::bad_request(&format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    }

    fn readable(&self, body: &Json) -> Result<(), Refusal> {
        match fault(self.kind, body) {
            Some(why) => Err(Refusal::bad_request(&why)),
            None => Ok(()),
        }
    }

    /// Name and namespace of the body must be those of the address.
    fn addressed(&self, body: &mut Json) -> Result<(), Refusal> {
        if !body.is_object() {
            return Err(Refusal::bad_request("the body is not an object"));
        }
        let (kind, api) = (text(body, "/kind"), text(body, "/apiVersion"));
        if (!kind.is_empty() && kind != self.kind.kind) || (!api.is_empty() && api != self.kind.api_version()) {
            let message = format!(
                "the API version in the data ({api}) does not match the expected API version ({})",
                self.kind.api_version()
            );
            return Err(Refusal::bad_request(&message));
        }
        body["kind"] = json!(self.kind.kind);
        body["apiVersion"] = json!(self.kind.api_version());
        let (name, namespace) = (text(body, "/metadata/name"), text(body, "/metadata/namespace"));
        if !self.name.is_empty() && !name.is_empty() && name != self.name {
            let message = format!("the name of the object ({name}) does not match the name on the URL ({})", self.name);
            return Err(Refusal::bad_request(&message));
        }
        if !namespace.is_empty() && namespace != self.namespace {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(message));
        }
        if !self.name.is_empty() {
            body["metadata"]["name"] = json!(self.name);
        }
        if self.kind.namespaced {
            body["metadata"]["namespace"] = json!(self.namespace);
        }
        Ok(())
    }

    /// POST.
    pub(super) fn create(&self, store: &mut Store, mut body: Json) -> Result<Written, Refusal> {
        self.readable(&body)?;
        self.addressed(&mut body)?;
        let read = (self.kind.typed)(&numbers_as_text(&body)).map_err(|e| self.invalid_body(&e))?;
        let mut object = read;
        if text(&object, "/metadata/name").is_empty() && !text(&object, "/metadata/generateName").is_empty() {
            let suffix = &uuid::Uuid::new_v4().simple().to_string()[..5];
            object["metadata"]["name"] = json!(format!("{}{suffix}", text(&object, "/metadata/generateName")));
        }
        let name = text(&object, "/metadata/name").to_owned();
        if store.get(self.kind.kind, &self.namespace, &name).is_some() {
            self.open_namespace(store, &name)?;
            return Err(Refusal::already_exists(self.kind, &name));
        }
        self.save(store, None, object, Form::Update)
    }

    /// PUT.
    pub(super) fn replace(&self, store: &mut Store, mut body: Json) -> Result<Written, Refusal> {
        self.readable(&body)?;
        self.addressed(&mut body)?;
        let object = (self.kind.typed)(&numbers_as_text(&body)).map_err(|e| self.invalid_body(&e))?;
        let Some(before) = store.get(self.kind.kind, &self.namespace, &self.name).cloned() else {
            return Err(Refusal::not_found(self.kind, &self.name));
        };
        self.guard(&before, &object)?;
        self.save(store, Some(before), object, Form::Update)
    }

    /// Merge patch.
    pub(super) fn merge(&self, store: &mut Store, patch: &Json) -> Result<Written, Refusal> {
        let Some(before) = store.get(self.kind.kind, &self.namespace, &self.name).cloned() else {
            return Err(Refusal::not_found(self.kind, &self.name));
        };
        self.guard(&before, patch)?;
        let mut object = before.clone();
        merge_patch(&mut object, patch);
        let object = (self.kind.typed)(&object).map_err(|e| self.invalid_body(&e))?;
        self.save(store, Some(before), object, Form::Update)
    }

    /// Server-side apply.
    pub(super) fn apply(&self, store: &mut Store, mut config: Json, force: bool) -> Result<Written, Refusal> {
        let (kind, api) = (text(&config, "/kind"), text(&config, "/apiVersion"));
        if kind.is_empty() || api.is_empty() {
            let group = if api.contains('/') { api.to_owned() } else { format!("/{api}") };
            return Err(Refusal::bad_request(&format!("invalid object type: {group}, Kind={kind}")));
        }
        let namespace = text(&config, "/metadata/namespace").to_owned();
        self.addressed(&mut config)?;
        if config["metadata"].get("managedFields").is_some_and(|f| f.as_array().is_none_or(|l| !l.is_empty())) {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        drop_nulls(&mut config);
        let read = (self.kind.typed)(&numbers_as_text(&config)).map_err(|e| self.invalid_body(&e))?;
        let wrong = undeclared(&config, &read, "").map(|field| format!("{field}: field not declared in schema"));
        if let Some(wrong) = wrong.or_else(|| duplicate(&config)) {
            let place = format!("{namespace}/{}; {}, Kind={}", self.name, self.kind.api_version(), self.kind.kind);
            let message = format!("failed to create typed patch object ({place}): {wrong}");
            return Err(Refusal::internal(&message));
        }
        let before = store.get(self.kind.kind, &self.namespace, &self.name).cloned();
        if let Some(before) = &before {
            self.guard(before, &config)?;
        }
        let object = apply(before.as_ref(), &config, &self.writer, force)?;
        self.save(store, before, object, Form::Apply)
    }

    /// Resource version and uid in a body are conditions.
    fn guard(&self, before: &Json, body: &Json) -> Result<(), Refusal> {
        let uid = text(body, "/metadata/uid");
        if !uid.is_empty() && uid != text(before, "/metadata/uid") {
            let now = text(before, "/metadata/uid");
            let place = [self.kind.plural, &self.namespace, &self.name].into_iter().filter(|part| !part.is_empty());
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: \
                 Precondition failed: UID in precondition: {uid}, UID in object meta: {now}",
                place.collect::<Vec<_>>().join("/")
            );
            return Err(Refusal::conflict(self.kind, &self.name, &why));
        }
        let version = text(body, "/metadata/resourceVersion");
        if !version.is_empty() && version != text(before, "/metadata/resourceVersion") {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Refusal::conflict(self.kind, &self.name, why));
        }
        Ok(())
    }

    fn open_namespace(&self, store: &Store, name: &str) -> Result<(), Refusal> {
        if self.kind.namespaced { store.namespace_open(self.kind, &self.namespace, name) } else { Ok(()) }
    }

    fn save(&self, store: &mut Store, before: Option<Json>, mut object: Json, form: Form) -> Result<Written, Refusal> {
        let name = text(&object, "/metadata/name").to_owned();
        if before.is_none() {
            self.open_namespace(store, &name)?;
        }
        string_data(&mut object);
        fill(self.kind.kind, &mut object, store.revision);
        self.admit(store, before.is_none(), &mut object)?;
        self.carry_over(before.as_ref(), &mut object);
        drop_nulls(&mut object);
        if let Err(e) = (self.kind.typed)(&object) {
            return Err(self.invalid_body(&e));
        }
        let causes = match &before {
            Some(before) if self.writer.subresource == ephemeral::PART => ephemeral::check(before, &object),
            before => check(self.kind, before.as_ref(), &object),
        };
        if !causes.is_empty() {
            return Err(Refusal::invalid(self.kind, &name, &causes));
        }
        if form != Form::Apply {
            track(before.as_ref(), &mut object, &self.writer);
        }
        if before.is_none() {
            admitted(self.kind.kind, &mut object);
        }
        let code = if before.is_none() { 201 } else { 200 };
        if before.as_ref() == Some(&object) || self.dry_run {
            return Ok(Written { code, object });
        }
        let key = key_of(&object);
        let object = store.put(object);
        store.book(&key);
        let freed = object["metadata"]["deletionTimestamp"].is_string() && finalizers(&object).is_empty();
        if freed && self.kind.kind != "Namespace" {
            store.remove(&key);
        }
        Ok(Written { code, object })
    }

    /// What admission asks of a new pod and adds to it.
    fn admit(&self, store: &Store, new: bool, object: &mut Json) -> Result<(), Refusal> {
        if self.kind.kind != "Pod" || !new {
            return Ok(());
        }
        let name = text(object, "/spec/serviceAccountName");
        let name = if name.is_empty() { "default".to_owned() } else { name.to_owned() };
        let Some(account) = store.get("ServiceAccount", &self.namespace, &name) else {
            let why = format!(
                "error looking up service account {}/{name}: serviceaccount \"{name}\" not found",
                self.namespace
            );
            return Err(Refusal::refused(self.kind, text(object, "/metadata/name"), &why));
        };
        let secrets = account["imagePullSecrets"].clone();
        if object["spec"]["imagePullSecrets"].as_array().is_none_or(Vec::is_empty) && secrets.is_array() {
            object["spec"]["imagePullSecrets"] = secrets;
        }
        super::webhook::admit(store, object);
        if let Some(why) = super::security::refusal(store, &self.namespace, &object["spec"]) {
            return Err(Refusal::refused(self.kind, text(object, "/metadata/name"), &why));
        }
        object["status"] = json!({"phase": "Pending", "qosClass": quality(&object["spec"])});
        Ok(())
    }

    /// What a client cannot change: identity, times, status, generation.
    fn carry_over(&self, before: Option<&Json>, object: &mut Json) {
        let meta = &mut object["metadata"];
        let Some(before) = before else {
            meta["uid"] = json!(uuid::Uuid::new_v4().to_string());
            meta["creationTimestamp"] = json!(self.writer.time);
            if self.kind.generation {
                meta["generation"] = json!(1);
            }
            return;
        };
        for field in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            meta[field] = before["metadata"][field].clone();
        }
        if meta.get("managedFields").is_none() {
            meta["managedFields"] = before["metadata"]["managedFields"].clone();
        }
        if self.writer.subresource == ephemeral::PART {
            ephemeral::only(before, object);
        } else if self.writer.subresource == "status" {
            let status = object["status"].take();
            *object = before.clone();
            object["status"] = status;
        } else if self.kind.kind != "Event" {
            object["status"] = before["status"].clone();
        }
        drop_nulls(object);
        if self.kind.generation && before["spec"] != object["spec"] {
            object["metadata"]["generation"] = json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
    }
}

/// DELETE. Gives back what the server shows of it.
pub(super) fn delete(store: &mut Store, write: &Write, options: &Json) -> Result<Json, Refusal> {
    let (kind, name) = (write.kind, write.name.as_str());
    let Some(before) = store.get(kind.kind, &write.namespace, name).cloned() else {
        return Err(Refusal::not_found(kind, name));
    };
    let uid = text(&before, "/metadata/uid");
    let wanted = text(options, "/preconditions/uid");
    if !wanted.is_empty() && wanted != uid {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        );
        return Err(Refusal::precondition(kind, name, &why));
    }
    let version = text(options, "/preconditions/resourceVersion");
    let now = text(&before, "/metadata/resourceVersion");
    if !version.is_empty() && version != now {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({now}). \
             The object might have been modified"
        );
        return Err(Refusal::precondition(kind, name, &why));
    }
    let mut gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": name, "kind": kind.plural, "uid": uid}});
    if !kind.group.is_empty() {
        gone["details"]["group"] = json!(kind.group);
    }
    if write.dry_run {
        return Ok(gone);
    }
    let mut dying = before.clone();
    let owns = matches!(kind.kind, "Deployment" | "DaemonSet" | "StatefulSet" | "Job");
    match propagation(kind, options) {
        _ if !owns => {}
        "Orphan" => hold(&mut dying, ORPHAN),
        "Foreground" => hold(&mut dying, FOREGROUND),
        _ => {}
    }
    let lingers = matches!(kind.kind, "Pod" | "Namespace");
    if !lingers && finalizers(&dying).is_empty() {
        store.remove(&key_of(&before));
        return Ok(gone);
    }
    if dying["metadata"]["deletionTimestamp"].is_null() {
        dying["metadata"]["deletionTimestamp"] = json!(write.writer.time);
        if kind.kind != "Namespace" {
            let runs = !text(&dying, "/spec/nodeName").is_empty();
            dying["metadata"]["deletionGracePeriodSeconds"] = json!(if runs { 30 } else { 0 });
        }
        if let Some(generation) = dying["metadata"]["generation"].as_u64() {
            dying["metadata"]["generation"] = json!(generation + 1);
        }
    }
    if kind.kind == "Namespace" {
        dying["status"]["phase"] = json!("Terminating");
    }
    Ok(store.put(dying))
}

fn propagation<'a>(kind: &Kind, options: &'a Json) -> &'a str {
    let given = text(options, "/propagationPolicy");
    // pkg/registry/batch/job/strategy.go: batch/v1 orphans by default, for old clients' sake
    if given.is_empty() && kind.kind == "Job" { "Orphan" } else { given }
}

/// Held until the dependants of an object have lost their owner.
pub(super) const ORPHAN: &str = "orphan";
/// Held until the dependants of an object are gone.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

fn hold(object: &mut Json, finalizer: &str) {
    let mut list = finalizers(object);
    list.push(finalizer.to_owned());
    object["metadata"]["finalizers"] = json!(list);
}

/// The finalizers of an object.
pub(super) fn finalizers(object: &Json) -> Vec<String> {
    let list = object["metadata"]["finalizers"].as_array();
    list.into_iter().flatten().filter_map(|f| f.as_str().map(str::to_owned)).collect()
}

fn merge_patch(object: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Json::Object(Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            if let Some(map) = object.as_object_mut() {
                map.shift_remove(key);
            }
        } else {
            merge_patch(&mut object[key.as_str()], value);
        }
    }
}

/// `stringData` is only for writing.
fn string_data(object: &mut Json) {
    let Some(plain) = object.as_object_mut().and_then(|o| o.shift_remove("stringData")) else { return };
    for (key, value) in plain.as_object().into_iter().flatten() {
        object["data"][key.as_str()] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

/// Amounts may be numbers on the wire; the typed reading wants text.
fn numbers_as_text(config: &Json) -> Json {
    let mut copy = config.clone();
    super::defaults::quantities(&mut copy, false);
    copy
}
