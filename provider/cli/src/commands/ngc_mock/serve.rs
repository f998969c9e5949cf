//! What the mock answers: health, models, chats and embeddings in the form of NIM, the same for the same question. Nothing
//! of a question is kept (`tests`).

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mops_core::{Class, Error};
use mops_host::SystemClock;
use mops_host::fsx::reason;
use mops_wire::registry::Digest;
use serde_json::{Value as Json, json};

use crate::args::MockKind;
use crate::exit::Failure;

/// Longest question.
const QUESTION: usize = 1 << 20;
/// Numbers of an embedding.
const NUMBERS: usize = 1024;
/// How long somebody may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a question an answer repeats.
const REPEATED: usize = 200;

/// Takes the port.
pub(super) fn bind(at: SocketAddr) -> Result<TcpListener, Failure> {
    let taken = |error: &std::io::Error| {
        Failure::usage(format!("the mock cannot be served at {at}: {}", reason(error)), "give another `--port`")
    };
    let listener = TcpListener::bind(at).map_err(|error| taken(&error))?;
    listener.set_nonblocking(true).map_err(|error| taken(&error))?;
    Ok(listener)
}

/// Serves until the runtime ends; gives the address.
pub(super) fn start(listener: TcpListener, kind: MockKind) -> Result<SocketAddr, Failure> {
    let broken = |error: std::io::Error| {
        Failure::could_not_run(Error::new(Class::Bug, "the mock cannot be served").caused_by(error))
    };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(broken)?;
    let at = listener.local_addr().map_err(broken)?;
    let clock = SystemClock::shared();
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, kind))),
                // No file is free: let others end first.
                Err(_) => clock.sleep(Duration::from_millis(100)).await,
            }
        }
    });
    Ok(at)
}

async fn serve(stream: tokio::net::TcpStream, kind: MockKind) {
    let service = service_fn(async |request: Request<Incoming>| {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let body = Limited::new(request.into_body(), QUESTION).collect().await;
        let (status, json) = match body {
            Ok(body) => answer(kind, &method, &path, &body.to_bytes()),
            Err(_) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the question is longer than 1 MiB"),
        };
        let mut response = Response::new(Full::new(Bytes::from(json.to_string())));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok::<_, Infallible>(response)
    });
    let mut builder = http1::Builder::new();
    let connection = builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // Whoever goes away has what it wanted.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

fn refused(status: StatusCode, message: &str) -> (StatusCode, Json) {
    (status, json!({"object": "error", "message": message, "code": status.as_u16()}))
}

fn answer(kind: MockKind, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Json) {
    let question = || serde_json::from_slice::<Json>(body).ok();
    match (method, path, kind) {
        (&Method::GET, "/v1/health/live", _) => health("Service is live."),
        (&Method::GET, "/v1/health/ready", _) => health("Service is ready."),
        (&Method::GET, "/v1/models", _) => {
            let model = json!({"id": model(kind), "object": "model", "created": 0, "owned_by": "mops"});
            (StatusCode::OK, json!({"object": "list", "data": [model]}))
        }
        (&Method::POST, "/v1/chat/completions", MockKind::Reasoning) => match question().as_ref().and_then(last) {
            Some(text) => chat(&text),
            None => refused(StatusCode::BAD_REQUEST, "`messages` has to end with one that has `content`"),
        },
        (&Method::POST, "/v1/embeddings", MockKind::Embedding) => match question().as_ref().and_then(texts) {
            Some(texts) => embeddings(&texts),
            None => refused(StatusCode::BAD_REQUEST, "`input` has to be a text or a list of texts"),
        },
        _ => refused(StatusCode::NOT_FOUND, "this mock does not have that"),
    }
}

const fn model(kind: MockKind) -> &'static str {
    match kind {
        MockKind::Reasoning => "mops-mock-reasoning",
        MockKind::Embedding => "mops-mock-embedding",
    }
}

fn health(message: &str) -> (StatusCode, Json) {
    (StatusCode::OK, json!({"object": "health.response", "message": message}))
}

fn last(question: &Json) -> Option<String> {
    Some(question["messages"].as_array()?.last()?["content"].as_str()?.to_owned())
}

fn texts(question: &Json) -> Option<Vec<&str>> {
    match &question["input"] {
        Json::String(text) => Some(vec![text]),
        Json::Array(all) if !all.is_empty() => all.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

fn usage(asked: usize, answered: usize) -> Json {
    json!({"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered})
}

fn chat(text: &str) -> (StatusCode, Json) {
    let repeated: String = text.chars().take(REPEATED).collect();
    let content = format!("This is a mock. You said: {repeated}");
    let words = |text: &str| text.split_whitespace().count();
    let message = json!({"role": "assistant", "content": content});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let id = format!("chatcmpl-{}", &Digest::of(text.as_bytes()).as_str()[7..23]);
    (
        StatusCode::OK,
        json!({"id": id, "object": "chat.completion", "created": 0, "model": model(MockKind::Reasoning),
            "choices": [choice], "usage": usage(words(text), words(&content))}),
    )
}

fn embeddings(texts: &[&str]) -> (StatusCode, Json) {
    let one =
        |(index, text): (usize, &&str)| json!({"object": "embedding", "index": index, "embedding": numbers(text)});
    let data: Vec<Json> = texts.iter().enumerate().map(one).collect();
    let words = texts.iter().map(|text| text.split_whitespace().count()).sum();
    let model = model(MockKind::Embedding);
    (StatusCode::OK, json!({"object": "list", "data": data, "model": model, "usage": usage(words, 0)}))
}

/// Numbers of length 1 together that are the same for the same text.
fn numbers(text: &str) -> Vec<f64> {
    let bytes = (0..).flat_map(|part: u32| {
        let digest = Digest::of(format!("{part}:{text}").as_bytes());
        let hex: Vec<u8> = digest.as_str().bytes().skip("sha256:".len()).collect();
        hex.chunks_exact(4)
            .filter_map(|four| u16::from_str_radix(std::str::from_utf8(four).ok()?, 16).ok())
            .collect::<Vec<_>>()
    });
    let all: Vec<f64> = bytes.take(NUMBERS).map(|number| f64::from(number) / 32_767.5 - 1.0).collect();
    let length = all.iter().map(|x| x * x).sum::<f64>().sqrt();
    all.into_iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: MockKind, path: &str, body: &Json) -> (u16, Json) {
        let (status, json) = answer(kind, &Method::POST, path, body.to_string().as_bytes());
        (status.as_u16(), json)
    }

    #[test]
    fn n_16_an_embedding_is_the_same_for_the_same_text() {
        let of = |input: Json| ask(MockKind::Embedding, "/v1/embeddings", &json!({"input": input, "model": "m"}));
        let (status, both) = of(json!(["a", "b"]));
        assert_eq!((status, both["data"].as_array().map(Vec::len)), (200, Some(2)));
        let numbers = |one: &Json| one["embedding"].as_array().unwrap().clone();
        assert_eq!(numbers(&both["data"][0]).len(), 1024);
        assert_ne!(numbers(&both["data"][0]), numbers(&both["data"][1]));
        assert_eq!(numbers(&of(json!("a")).1["data"][0]), numbers(&both["data"][0]));
        let length: f64 = numbers(&both["data"][0]).iter().map(|x| x.as_f64().unwrap().powi(2)).sum();
        assert!((length - 1.0).abs() < 1e-9, "{length}");
        for wrong in [json!([]), json!([1]), json!(null)] {
            assert_eq!(of(wrong).0, 400);
        }
    }

    #[test]
    fn n_16_a_chat_has_its_form_and_the_other_kind_does_not_answer_it() {
        let question = json!({"messages": [{"role": "user", "content": "hello there"}]});
        let (status, said) = ask(MockKind::Reasoning, "/v1/chat/completions", &question);
        assert_eq!((status, said["object"].as_str()), (200, Some("chat.completion")));
        assert_eq!(said["choices"][0]["message"]["content"], "This is a mock. You said: hello there");
        assert_eq!(ask(MockKind::Embedding, "/v1/chat/completions", &question).0, 404);
        assert_eq!(ask(MockKind::Reasoning, "/v1/chat/completions", &json!({})).0, 400);
        for path in ["/v1/health/live", "/v1/health/ready", "/v1/models"] {
            assert_eq!(answer(MockKind::Reasoning, &Method::GET, path, b"").0, 200, "{path}");
        }
    }
}
