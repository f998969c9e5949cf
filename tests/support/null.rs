//! A resource type that exists only here: objects in memory or as files of a folder, with faults on demand.
//!
//! It is no kinder than a service: a second create of one name is counted, an update of something that is gone fails,
//! and what carries another mark is refused. The folder form survives the process, for kill tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mops_core::diff::diff;
use mops_core::provider::{
    BoxFuture, CallContext, ChangedBy, CheckFailure, Checked, Difference, Done, Found, Known, Progress, Provider,
};
use mops_core::schema::ResourceSchema;
use mops_core::value::Path as Property;
use mops_core::{Class, Error, Identity, Lane, Lineage, Ownership, Secret, StackId, Urn, Value};
use mops_host::{SharedClock, fsx};
use time::OffsetDateTime;

/// The token of the null resource. Its inputs: `name`, `value`, `replace` (a change makes it anew), `fail`
/// (a word: `check`, `create`, `partial`, `update`, `delete`, `interrupted`), `secret`, `lane`, `latency` of writes and
/// `reading` of reads in milliseconds, `fixed` (no update changes it), `inside` (the name of a thing without which it
/// cannot be read, and with which it goes; a change makes it anew).
pub const TOKEN: &str = "test:null:Thing";
/// The same, but the new one of a replacement is made before the old one goes.
pub const SWAP: &str = "test:null:Swap";
/// The same, but one without a mark may be taken over.
pub const GROUP: &str = "test:null:Group";

/// The same at a service that chooses the id, so that a search finds it again, and that may not know for 30 s what it
/// has made: `late` says for how many seconds it does not.
pub const LATE: &str = "test:null:Late";
/// Inputs whose change makes it anew.
const REPLACE: &[&str] = &["name", "replace", "inside"];

/// One object at the null service.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Its inputs, as JSON; secrets masked.
    pub inputs: serde_json::Value,
    /// Whose: stack, URN, lineage.
    pub mark: Option<(String, String, String)>,
    /// How often it was made; above 1 is a duplicate.
    pub creates: u32,
}

/// The calls that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Reads.
    pub reads: usize,
    /// Creates.
    pub creates: usize,
    /// Updates.
    pub updates: usize,
    /// Deletes.
    pub deletes: usize,
    /// Creates that were given the URL of an operation begun earlier.
    pub resumes: usize,
    /// The most calls at once.
    pub at_once: usize,
    running: usize,
}

impl Count {
    /// Everything that changes something.
    #[must_use]
    pub const fn writes(&self) -> usize {
        self.creates + self.updates + self.deletes
    }
}

/// A call that changes something, as it came in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// `create`, `update` or `delete`.
    pub kind: &'static str,
    /// For which resource.
    pub urn: Urn,
    /// The name at the service.
    pub name: String,
}

/// What goes wrong with the next writes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Refused; nothing happens.
    Refused,
    /// It happens, and its answer is lost.
    Lost,
    /// It is there and not ready; a deletion is refused.
    Partial,
}

#[derive(Default)]
struct Service {
    things: BTreeMap<String, Thing>,
    count: Count,
    /// Names in the order in which they were deleted.
    deleted: Vec<String>,
    /// Names in the order in which they were made.
    made: Vec<String>,
    /// Until when a read does not show what was made.
    hidden: BTreeMap<String, OffsetDateTime>,
    /// Who changed what last, beside us.
    edited: BTreeMap<String, ChangedBy>,
    /// Every write, in order.
    writes: Vec<Write>,
    hang: Option<String>,
    /// By logical name.
    troubles: BTreeMap<String, Trouble>,
}

/// The provider; clones share one service.
#[derive(Clone)]
pub struct Null {
    service: Arc<Mutex<Service>>,
    folder: Option<PathBuf>,
    clock: SharedClock,
    schemas: Arc<[ResourceSchema; 4]>,
}

fn schema(token: &'static str, delete_before_replace: bool, adoptable: bool) -> ResourceSchema {
    ResourceSchema {
        token,
        description: "A thing of the null service.".into(),
        inputs: serde_json::json!({}),
        outputs: serde_json::json!({"properties": {"id": {}, "version": {}, "echo": {}, "secret": {"secret": true}}}),
        replace: REPLACE,
        changed_by_update: &["version", "echo"],
        delete_before_replace,
        adoptable,
        read_tells: false,
        settles: if token == LATE { Duration::from_secs(30) } else { Duration::ZERO },
    }
}

impl Null {
    /// A service in memory.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        let schemas = [
            schema(TOKEN, true, false),
            schema(SWAP, false, false),
            schema(GROUP, true, true),
            schema(LATE, true, false),
        ];
        Self { service: Arc::default(), folder: None, clock, schemas: Arc::new(schemas) }
    }

    /// A service whose objects are files of a folder, one each.
    #[must_use]
    pub fn in_folder(clock: SharedClock, folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..Self::new(clock) }
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was called.
    #[must_use]
    pub fn count(&self) -> Count {
        self.service().count
    }

    /// Forgets what was called.
    pub fn reset(&self) {
        let mut service = self.service();
        service.count = Count::default();
        service.deleted.clear();
        service.made.clear();
        service.writes.clear();
    }

    /// Every write since the last reset, in the order in which they came in.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.service().writes.clone()
    }

    /// Names in the order in which they were made, and deleted.
    #[must_use]
    pub fn order(&self) -> (Vec<String>, Vec<String>) {
        let service = self.service();
        (service.made.clone(), service.deleted.clone())
    }

    /// Everything that exists.
    #[must_use]
    pub fn things(&self) -> BTreeMap<String, Thing> {
        match &self.folder {
            None => self.service().things.clone(),
            Some(folder) => names(folder).into_iter().filter_map(|n| Some((n.clone(), load(folder, &n)?))).collect(),
        }
    }

    /// Puts something there, as somebody else would.
    pub fn put(&self, name: &str, thing: Thing) {
        self.store(name, Some(thing));
    }

    /// Takes something away behind everybody's back.
    pub fn steal(&self, name: &str) {
        self.store(name, None);
    }

    /// Somebody else gives one of its inputs another value.
    pub fn edit(&self, name: &str, input: &str, value: serde_json::Value, by: ChangedBy) {
        let Some(mut thing) = self.get(name) else { return };
        thing.inputs[input] = value;
        self.store(name, Some(thing));
        self.service().edited.insert(name.to_owned(), by);
    }

    /// The create or update of this name never answers.
    pub fn hang(&self, name: Option<&str>) {
        self.service().hang = name.map(str::to_owned);
    }

    /// From now on this goes wrong with the writes of the resource of that logical name.
    pub fn trouble(&self, name: &str, trouble: Option<Trouble>) {
        let troubles = &mut self.service().troubles;
        match trouble {
            Some(trouble) => drop(troubles.insert(name.to_owned(), trouble)),
            None => drop(troubles.remove(name)),
        }
    }

    fn wrote(&self, kind: &'static str, cx: &CallContext, name: &str) -> Option<Trouble> {
        let mut service = self.service();
        service.writes.push(Write { kind, urn: cx.urn.clone(), name: name.to_owned() });
        service.troubles.get(cx.urn.name()).copied()
    }

    fn get(&self, name: &str) -> Option<Thing> {
        match &self.folder {
            None => self.service().things.get(name).cloned(),
            Some(folder) => load(folder, name),
        }
    }

    fn store(&self, name: &str, thing: Option<Thing>) {
        match (&self.folder, thing) {
            (None, Some(thing)) => drop(self.service().things.insert(name.to_owned(), thing)),
            (None, None) => {
                let mut service = self.service();
                service.things.remove(name);
                // What is in something goes with it.
                service.things.retain(|_, thing| thing.inputs["inside"] != name);
            }
            (Some(folder), Some(thing)) => save(folder, name, &thing),
            (Some(folder), None) => fsx::remove(&folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")),
        }
    }

    async fn enter(&self, inputs: &Value) {
        {
            let mut service = self.service();
            service.count.running += 1;
            service.count.at_once = service.count.at_once.max(service.count.running);
        }
        self.wait(inputs, "latency").await;
        let name = name_of(inputs);
        let hangs = self.service().hang.as_deref() == Some(name.as_str());
        if hangs {
            std::future::pending::<()>().await;
        }
        self.service().count.running -= 1;
    }

    /// Takes as many milliseconds as this input says.
    async fn wait(&self, inputs: &Value, input: &str) {
        let millis = inputs.get(input).and_then(Value::as_i64).unwrap_or(0);
        if millis > 0 {
            self.clock.sleep(Duration::from_millis(millis.unsigned_abs())).await;
        }
    }

    fn fails(inputs: &Value, word: &str, cx: &CallContext, trouble: Option<Trouble>) -> Result<(), Error> {
        let told = inputs.get("fail").and_then(Value::as_str);
        let partial = (trouble == Some(Trouble::Partial)).then_some(if word == "delete" { word } else { "partial" });
        match partial.or((trouble == Some(Trouble::Refused)).then_some(word)).or(told) {
            Some(found) if found == word => {
                Err(Error::new(Class::User, format!("`{}` was told to fail", cx.urn.name())).hint("do not tell it"))
            }
            Some("partial") if word != "delete" => Err(Error::new(Class::User, "its health check failed")
                .note("one line of evidence")
                .with_partial(id_of(inputs), outputs_of(inputs, 1))),
            Some("interrupted") if cx.cancel.is_canceled() => Err(Error::new(Class::Canceled, "it was interrupted")),
            _ => Ok(()),
        }
    }

    fn found(cx: &CallContext, thing: &Thing) -> Ownership {
        let (stack, urn, lineage) = match &thing.mark {
            Some((s, u, l)) => (Some(s.as_str()), Some(u.as_str()), Some(l.as_str())),
            None => (None, None, None),
        };
        Ownership::judge(&cx.mark, stack, urn, lineage)
    }

    fn put_ours(&self, cx: &CallContext, inputs: &Value, creates: u32) {
        let mark = &cx.mark;
        let mark = Some((mark.stack.to_string(), mark.urn.to_string(), mark.lineage.to_string()));
        self.store(&name_of(inputs), Some(Thing { inputs: inputs.masked_json(), mark, creates }));
    }
}

/// The name at the service.
#[must_use]
pub fn name_of(inputs: &Value) -> String {
    let text = inputs.get("name").and_then(Value::as_str).unwrap_or_default();
    match inputs.get("replace") {
        // A swap needs another name for its new one.
        Some(Value::String(tag)) if inputs.get("swap").is_some() => format!("{text}-{tag}"),
        _ => text.to_owned(),
    }
}

fn id_of(inputs: &Value) -> String {
    format!("/things/{}", name_of(inputs))
}

fn outputs_of(inputs: &Value, version: i64) -> Value {
    let mut map = BTreeMap::from([
        ("id".to_owned(), Value::String(id_of(inputs))),
        ("version".to_owned(), Value::Integer(version)),
        ("echo".to_owned(), inputs.get("value").cloned().unwrap_or_default()),
    ]);
    if let Some(secret) = inputs.get("secret") {
        map.insert("secret".into(), secret.clone());
    }
    map.retain(|_, v| *v != Value::Null);
    Value::Map(map)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().into_string().ok()).filter(|n| !n.starts_with('.')).collect()
}

fn load(folder: &Path, name: &str) -> Option<Thing> {
    let text = fsx::read_text(&folder.join(name)).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let part = |key: &str| json["mark"][key].as_str().map(str::to_owned);
    Some(Thing {
        inputs: json["inputs"].clone(),
        mark: part("stack").map(|s| (s, part("urn").unwrap_or_default(), part("lineage").unwrap_or_default())),
        creates: json["creates"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
    })
}

/// The service's own storage; it dies with the machine, not with the process, so it needs no sync.
fn save(folder: &Path, name: &str, thing: &Thing) {
    use std::io::Write as _;
    let mark = thing.mark.as_ref().map(|(s, u, l)| serde_json::json!({"stack": s, "urn": u, "lineage": l}));
    let json = serde_json::json!({"inputs": thing.inputs, "mark": mark, "creates": thing.creates});
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let done = fsx::append(&temporary)
        .and_then(|mut f| f.set_len(0).and_then(|()| f.write_all(json.to_string().as_bytes())))
        .and_then(|()| std::fs::rename(&temporary, folder.join(name)));
    done.unwrap_or_else(|e| panic!("{name}: {e}"));
}

impl Provider for Null {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.schemas.iter().find(|s| s.token == token)
    }

    fn check(&self, _: &Urn, inputs: &Value, _: bool) -> Checked {
        let mut failures = Vec::new();
        let failure = |path: &str, reason: &str| CheckFailure {
            path: Property(vec![path.into()]),
            reason: reason.into(),
            hint: None,
        };
        if inputs.get("name").is_none() {
            failures.push(failure("name", "is missing"));
        }
        if inputs.get("fail").and_then(Value::as_str) == Some("check") {
            failures.push(failure("fail", "says so"));
        }
        Checked { inputs: inputs.clone(), failures, notes: Vec::new() }
    }

    fn diff(&self, _: &Urn, old: &Known, inputs: &Value) -> Difference {
        let changes = diff(&old.inputs, inputs);
        let forces = |p: &str| REPLACE.contains(&p);
        let mut replace: Vec<String> =
            changes.iter().map(|c| c.path.property().to_owned()).filter(|p| forces(p)).collect();
        replace.dedup();
        let impossible = changes.iter().any(|c| c.path.property() == "fixed").then(|| CheckFailure {
            path: Property(vec!["fixed".into()]),
            reason: "`fixed` cannot be changed in place".into(),
            hint: Some("give `fixed` its present value".into()),
        });
        Difference { changes, replace, impossible, ..Difference::default() }
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        let known = inputs.get("name").is_some_and(|n| n.as_str().is_some())
            && !inputs.get("replace").is_some_and(Value::has_unknown);
        let found_by = if urn.token() == LATE { Identity::Tag } else { Identity::Name };
        known.then(|| found_by(id_of(inputs)))
    }

    fn lanes(&self, _: &Urn, inputs: &Value) -> Vec<Lane> {
        inputs.get("lane").and_then(Value::as_str).map(|key| vec![Lane::new(key, 2)]).unwrap_or_default()
    }

    fn read<'a>(
        &'a self,
        cx: CallContext,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            self.service().count.reads += 1;
            self.wait(&known.inputs, "reading").await;
            if let Some(around) = known.inputs.get("inside").and_then(Value::as_str)
                && self.get(around).is_none()
            {
                return Err(Error::new(Class::Transient, format!("`{around}` does not answer")));
            }
            let name =
                id.and_then(|i| i.strip_prefix("/things/")).map_or_else(|| name_of(&known.inputs), str::to_owned);
            let hidden = self.service().hidden.get(&name).is_some_and(|until| self.clock.now() < *until);
            let Some(thing) = self.get(&name).filter(|_| !hidden) else { return Ok(None) };
            let seen = project(&known.inputs, &thing.inputs);
            let outputs = outputs_of(&seen, known.outputs.get("version").and_then(Value::as_i64).unwrap_or(1));
            let known = Known { id: format!("/things/{name}"), inputs: seen, outputs };
            let changed_by = self.service().edited.get(&name).cloned();
            Ok(Some(Found { known, ownership: Self::found(&cx, &thing), changed_by }))
        })
    }

    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            self.service().count.creates += 1;
            self.service().count.resumes += usize::from(cx.resume.is_some());
            let name = name_of(inputs);
            let trouble = self.wrote("create", &cx, &name);
            let old = self.get(&name);
            let (mut adopted, mut foreign, mut creates) = (false, false, 1);
            if let Some(thing) = &old {
                let adoptable = cx.import || cx.urn.token() == GROUP;
                match Self::found(&cx, thing) {
                    Ownership::Ours { lineage: Lineage(l) } if l == cx.mark.lineage.0 || cx.takeover => adopted = true,
                    Ownership::Unmarked if adoptable => (adopted, foreign) = (true, true),
                    other => return Err(Error::new(Class::Conflict, format!("`{name}` exists: {other:?}"))),
                }
                creates = thing.creates;
            }
            if inputs.get("operation").is_some() {
                (cx.progress)(Progress::Operation(Secret::new(format!("https://null/operations/{name}"))));
            }
            self.enter(inputs).await;
            if inputs.get("fail").and_then(Value::as_str) == Some("partial") || trouble == Some(Trouble::Partial) {
                self.put_ours(&cx, inputs, creates);
            }
            Self::fails(inputs, "create", &cx, trouble)?;
            if !foreign {
                self.put_ours(&cx, inputs, creates);
            }
            if let Some(seconds) = inputs.get("late").and_then(Value::as_i64) {
                let until = self.clock.now() + time::Duration::seconds(seconds);
                self.service().hidden.insert(name.clone(), until);
            }
            self.service().made.push(name.clone());
            answered(trouble)?;
            Ok(Done { id: id_of(inputs), outputs: outputs_of(inputs, 1), adopted, foreign })
        })
    }

    fn update<'a>(&'a self, cx: CallContext, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            self.service().count.updates += 1;
            let trouble = self.wrote("update", &cx, &name_of(inputs));
            let Some(thing) = self.get(&name_of(inputs)) else {
                return Err(Error::new(Class::NotFound, format!("`{}` is gone", name_of(inputs))));
            };
            self.enter(inputs).await;
            Self::fails(inputs, "update", &cx, trouble)?;
            self.put_ours(&cx, inputs, thing.creates);
            answered(trouble)?;
            let version = old.outputs.get("version").and_then(Value::as_i64).unwrap_or(1) + 1;
            Ok(Done { id: old.id.clone(), outputs: outputs_of(inputs, version), ..Done::default() })
        })
    }

    fn delete<'a>(&'a self, cx: CallContext, old: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.service().count.deletes += 1;
            let name = old.id.strip_prefix("/things/").unwrap_or_default().to_owned();
            let trouble = self.wrote("delete", &cx, &name);
            self.enter(&old.inputs).await;
            Self::fails(&old.inputs, "delete", &cx, trouble)?;
            self.store(&name, None);
            self.service().deleted.push(name);
            answered(trouble)
        })
    }
}

/// The answer of something that was done, if it arrives.
fn answered(trouble: Option<Trouble>) -> Result<(), Error> {
    match trouble {
        Some(Trouble::Lost) => Err(Error::new(Class::Transient, "the connection was reset")),
        _ => Ok(()),
    }
}

/// What is seen of the declared inputs; a secret is never shown, so it counts as unchanged.
fn project(declared: &Value, seen: &serde_json::Value) -> Value {
    let Value::Map(declared) = declared else { return Value::from(seen.clone()) };
    let mut map: BTreeMap<String, Value> = match Value::from(seen.clone()) {
        Value::Map(map) => map,
        _ => BTreeMap::new(),
    };
    for (key, value) in declared.iter().filter(|(_, v)| v.has_secret()) {
        map.insert(key.clone(), value.clone());
    }
    Value::Map(map)
}

/// The stack of engine tests.
#[must_use]
pub fn stack() -> StackId {
    StackId { project: "null".into(), stack: "test".into() }
}

/// A name in that stack.
#[must_use]
pub fn urn(name: &str) -> Urn {
    Urn::new(&stack(), TOKEN, name)
}
