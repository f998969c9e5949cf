//! The sandbox's own port: ledger, faults, breakages. Plain HTTP on loopback, below an
//! unguessable path that only the owner's file names.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Sends one request to a control port and gives back the body of a 200.
///
/// # Errors
/// When the port does not answer or answers anything but 200.
pub fn ask(url: &str, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let rest = url.trim().strip_prefix("http://").ok_or_else(|| std::io::Error::other("not a control address"))?;
    let (host, secret) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "{method} /{secret}{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("no answer"))?;
    if head.starts_with("HTTP/1.1 200") { Ok(body.to_owned()) } else { Err(std::io::Error::other(body.to_owned())) }
}
