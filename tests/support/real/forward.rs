//! A request handed on to the real component behind a name, as it came.

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::http::{Broken, Call};

/// What belongs to one connection and not to the message.
const HOP: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "upgrade"];

/// Sends a request over a connection of its own; the answer with its body as it comes.
///
/// # Errors
/// When the component breaks off.
pub(super) async fn forward(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    call: Call,
) -> Result<Response<Body>, Broken> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Broken)?;
    tokio::spawn(connection);
    let query = if call.raw_query.is_empty() { String::new() } else { format!("?{}", call.raw_query) };
    let mut request = Request::new(Body::from(call.body));
    *request.uri_mut() = format!("{}{query}", call.path).parse().map_err(|_| Broken)?;
    *request.method_mut() = call.method;
    *request.headers_mut() = without_hops(call.headers);
    request.headers_mut().insert(header::HOST, call.host.parse().map_err(|_| Broken)?);
    let mut response = sender.send_request(request).await.map_err(|_| Broken)?.map(Body::new);
    *response.headers_mut() = without_hops(response.headers().clone());
    Ok(response)
}

fn without_hops(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP {
        headers.remove(name);
    }
    headers
}
