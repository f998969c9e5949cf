//! The null service in a process of its own, spoken to over a socket: what it was asked for happens although the asker
//! is dead by then, and an answer may be lost after its change was made. A request and its answer are one line of JSON
//! on a connection of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mops_core::provider::{BoxFuture, CallContext, Checked, Difference, Done, Found, Known, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::{Cancel, Class, Error, Identity, Lane, Lineage, Mark, Ownership, StackId, Urn, Value};
use mops_host::SystemClock;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::null::{Null, Thing};

/// One call; `inputs` of a deletion or read are those that are known.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    call: Call,
    stack: StackId,
    urn: String,
    lineage: String,
    takeover: bool,
    import: bool,
    id: Option<String>,
    version: i64,
    inputs: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Call {
    Read,
    Create,
    Update,
    Delete,
    /// Everything that exists, for whoever audits.
    Book,
    /// From now on every change is answered.
    Mend,
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Done { id: String, outputs: serde_json::Value, adopted: bool, foreign: bool },
    Found { id: String, inputs: serde_json::Value, outputs: serde_json::Value, whose: Whose },
    Absent,
    Failed { class: String, summary: String, partial: Option<(String, serde_json::Value)> },
    Book(Vec<(String, Option<String>)>),
}

#[derive(Debug, Serialize, Deserialize)]
enum Whose {
    Ours(String),
    Nobodys,
    Others(String, String),
}

/// Answers that get lost, spread evenly over the changes, so that their count alone decides and a run can be repeated.
#[derive(Default)]
struct Losses {
    per_thousand: AtomicU64,
    changes: AtomicU64,
}

impl Losses {
    /// Whether the answer to this change is lost.
    fn take(&self) -> bool {
        let rate = self.per_thousand.load(Ordering::SeqCst);
        let n = self.changes.fetch_add(1, Ordering::SeqCst);
        n * rate / 1000 != (n + 1) * rate / 1000
    }
}

/// Serves until the process ends; says where once it listens. Of a thousand changes, `lost` are made and never
/// answered, until it is mended.
///
/// # Errors
/// When there is no port.
pub async fn serve(lost: u64, ready: impl FnOnce(SocketAddr)) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    ready(listener.local_addr()?);
    let null = Null::new(SystemClock::shared());
    let losses = Arc::new(Losses { per_thousand: lost.into(), ..Losses::default() });
    loop {
        let (stream, _) = listener.accept().await?;
        let (null, losses) = (null.clone(), Arc::clone(&losses));
        tokio::spawn(async move {
            // A client that died in the middle of its request has asked for nothing.
            let _ = one(&null, &losses, stream).await;
        });
    }
}

async fn one(null: &Null, losses: &Losses, mut stream: TcpStream) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(&mut stream).read_line(&mut line).await?;
    if !line.ends_with('\n') {
        return Ok(());
    }
    let request: Request = serde_json::from_str(&line)?;
    let call = request.call;
    if call == Call::Mend {
        losses.per_thousand.store(0, Ordering::SeqCst);
    }
    let answer = perform(null, request).await;
    if matches!(call, Call::Create | Call::Update | Call::Delete) && losses.take() {
        return Ok(());
    }
    stream.write_all((serde_json::to_string(&answer)? + "\n").as_bytes()).await
}

async fn perform(null: &Null, request: Request) -> Answer {
    if matches!(request.call, Call::Book | Call::Mend) {
        let owner = |t: &Thing| t.mark.as_ref().map(|m| m.1.clone());
        return Answer::Book(null.things().iter().map(|(name, t)| (name.clone(), owner(t))).collect());
    }
    let Some(urn) = Urn::parse(&request.urn) else { return failed(&Error::new(Class::Bug, "not a name")) };
    let cx = CallContext {
        mark: Mark { stack: request.stack, urn: urn.clone(), lineage: Lineage(request.lineage) },
        urn,
        cancel: Cancel::new(),
        progress: Arc::new(|_| {}),
        timeout: Duration::from_secs(60),
        resume: None,
        takeover: request.takeover,
        import: request.import,
        renew: false,
    };
    let inputs = Value::from(request.inputs);
    let known = Known {
        id: request.id.clone().unwrap_or_default(),
        inputs: inputs.clone(),
        outputs: Value::from(json!({"version": request.version})),
    };
    let done = |result: Result<Done, Error>| match result {
        Ok(d) => Answer::Done { id: d.id, outputs: d.outputs.masked_json(), adopted: d.adopted, foreign: d.foreign },
        Err(error) => failed(&error),
    };
    match request.call {
        Call::Create => done(null.create(cx, &inputs).await),
        Call::Update => done(null.update(cx, &known, &inputs).await),
        Call::Delete => null.delete(cx, &known).await.map_or_else(|e| failed(&e), |()| Answer::Absent),
        Call::Read | Call::Book | Call::Mend => match null.read(cx, request.id.as_deref(), &known).await {
            Ok(None) => Answer::Absent,
            Ok(Some(found)) => seen(found),
            Err(error) => failed(&error),
        },
    }
}

fn seen(found: Found) -> Answer {
    let Known { id, inputs, outputs } = found.known;
    let whose = match found.ownership {
        Ownership::Ours { lineage } => Whose::Ours(lineage.0),
        Ownership::Other { stack, urn } => Whose::Others(stack, urn),
        Ownership::Unmarked | Ownership::Derived => Whose::Nobodys,
    };
    Answer::Found { id, inputs: inputs.masked_json(), outputs: outputs.masked_json(), whose }
}

fn failed(error: &Error) -> Answer {
    Answer::Failed {
        class: format!("{:?}", error.class()),
        summary: error.summary().to_owned(),
        partial: error.partial().map(|p| (p.id.clone(), p.outputs.masked_json())),
    }
}

/// The provider whose service is at an address.
#[derive(Clone)]
pub struct Remote {
    address: SocketAddr,
    /// Answers what needs no service: schema, check, difference, identity, lanes.
    local: Null,
}

impl Remote {
    /// Nothing is connected before the first call.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, local: Null::new(SystemClock::shared()) }
    }

    /// What exists: its name, and the URN of its mark.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn book(&self) -> Result<Vec<(String, Option<String>)>, Error> {
        self.control(Call::Book).await
    }

    /// From now on no answer is lost.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn mend(&self) -> Result<(), Error> {
        self.control(Call::Mend).await.map(drop)
    }

    async fn control(&self, call: Call) -> Result<Vec<(String, Option<String>)>, Error> {
        let request = Request {
            call,
            stack: crate::null::stack(),
            urn: String::new(),
            lineage: String::new(),
            takeover: false,
            import: false,
            id: None,
            version: 0,
            inputs: json!({}),
        };
        match self.ask(&request).await? {
            Answer::Book(book) => Ok(book),
            other => Err(unexpected(&other)),
        }
    }

    async fn call(&self, call: Call, cx: CallContext, known: &Known, inputs: &Value) -> Result<Answer, Error> {
        let request = Request {
            call,
            stack: cx.mark.stack,
            urn: cx.urn.to_string(),
            lineage: cx.mark.lineage.0,
            takeover: cx.takeover,
            import: cx.import,
            id: Some(known.id.clone()).filter(|id| !id.is_empty()),
            version: known.outputs.get("version").and_then(Value::as_i64).unwrap_or(1),
            inputs: inputs.masked_json(),
        };
        match self.ask(&request).await? {
            Answer::Failed { class, summary, partial } => Err(error(&class, summary, partial)),
            answer => Ok(answer),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Error> {
        let broken = |e: std::io::Error| Error::new(Class::Transient, "the null service does not answer").caused_by(e);
        let line = serde_json::to_string(request).map_err(|e| broken(e.into()))? + "\n";
        let mut stream = TcpStream::connect(self.address).await.map_err(broken)?;
        stream.write_all(line.as_bytes()).await.map_err(broken)?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await.map_err(broken)?;
        serde_json::from_str(&answer).map_err(|e| broken(e.into()))
    }
}

fn error(class: &str, summary: String, partial: Option<(String, serde_json::Value)>) -> Error {
    let class = match class {
        "User" => Class::User,
        "Conflict" => Class::Conflict,
        "NotFound" => Class::NotFound,
        "Partial" => Class::Partial,
        _ => Class::Transient,
    };
    let error = Error::new(class, summary);
    match partial {
        Some((id, outputs)) => error.with_partial(id, Value::from(outputs)),
        None => error,
    }
}

fn unexpected(answer: &Answer) -> Error {
    Error::new(Class::Bug, format!("the null service answered {answer:?}"))
}

fn done(answer: Answer) -> Result<Done, Error> {
    match answer {
        Answer::Done { id, outputs, adopted, foreign } => {
            Ok(Done { id, outputs: Value::from(outputs), adopted, foreign })
        }
        other => Err(unexpected(&other)),
    }
}

impl Provider for Remote {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.local.schema(token)
    }

    fn check(&self, urn: &Urn, inputs: &Value, preview: bool) -> Checked {
        self.local.check(urn, inputs, preview)
    }

    fn diff(&self, urn: &Urn, old: &Known, inputs: &Value) -> Difference {
        self.local.diff(urn, old, inputs)
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        self.local.identity(urn, inputs)
    }

    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane> {
        self.local.lanes(urn, inputs)
    }

    fn read<'a>(
        &'a self,
        cx: CallContext,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let asked = Known { id: id.unwrap_or_default().to_owned(), ..known.clone() };
            match self.call(Call::Read, cx, &asked, &known.inputs).await? {
                Answer::Absent => Ok(None),
                Answer::Found { id, inputs, outputs, whose } => {
                    let ownership = match whose {
                        Whose::Ours(lineage) => Ownership::Ours { lineage: Lineage(lineage) },
                        Whose::Nobodys => Ownership::Unmarked,
                        Whose::Others(stack, urn) => Ownership::Other { stack, urn },
                    };
                    let known = Known { id, inputs: Value::from(inputs), outputs: Value::from(outputs) };
                    Ok(Some(Found { known, ownership, changed_by: None }))
                }
                other => Err(unexpected(&other)),
            }
        })
    }

    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move { done(self.call(Call::Create, cx, &Known::default(), inputs).await?) })
    }

    fn update<'a>(&'a self, cx: CallContext, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move { done(self.call(Call::Update, cx, old, inputs).await?) })
    }

    fn delete<'a>(&'a self, cx: CallContext, old: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.call(Call::Delete, cx, old, &old.inputs).await? {
                Answer::Absent => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }
}
