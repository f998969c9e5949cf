//! A connection to a port of a pod, as the API server forwards it. Nothing listens on this machine for it: the stream
//! belongs to the request, and ends with it (`tests/diagnose/scheduler.rs`).

use std::time::Duration;

use mops_probe::observation::code as seen;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

use crate::cluster::{Cluster, Trouble};
use crate::request::Services;

/// The node itself connects, so that a refusal comes with the first answer; whoever is silent for so long is connected.
const QUIET: Duration = Duration::from_secs(1);
/// Longer than the first line of any answer.
const LINE: u64 = 1024;

/// A port of a pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port<'a> {
    pub(crate) pod: &'a str,
    pub(crate) number: u16,
}

/// Whether somebody listens there.
pub(crate) async fn listens(
    cluster: &Cluster,
    services: &Services,
    port: Port<'_>,
    limit: Duration,
) -> Result<(), Trouble> {
    forwarded(cluster, services, port, limit, async |mut stream| {
        let mut byte = [0];
        tokio::select! {
            read = stream.read(&mut byte) => if matches!(read, Ok(1)) { Ok(()) } else { Err(broken()) },
            () = services.clock.sleep(QUIET) => Ok(()),
        }
    })
    .await
}

/// The status with which a port answers `GET PATH`.
pub(crate) async fn status(
    cluster: &Cluster,
    services: &Services,
    port: Port<'_>,
    (path, limit): (&str, Duration),
) -> Result<u16, Trouble> {
    forwarded(cluster, services, port, limit, async |mut stream| {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.map_err(|_| broken())?;
        let mut line = String::new();
        BufReader::new(stream.take(LINE)).read_line(&mut line).await.map_err(|_| broken())?;
        said(&line)
    })
    .await
}

/// The status in the first line of an answer.
fn said(line: &str) -> Result<u16, Trouble> {
    let mut words = line.split_whitespace();
    let version = words.next().ok_or_else(broken)?;
    let status = words.next().filter(|_| version.starts_with("HTTP/")).and_then(|word| word.parse().ok());
    status.ok_or_else(|| trouble(seen::UNEXPECTED, "what answers there does not speak HTTP"))
}

/// Does something with the stream of a port, unless the node cannot connect or the time is over.
async fn forwarded<T>(
    cluster: &Cluster,
    services: &Services,
    Port { pod, number }: Port<'_>,
    limit: Duration,
    work: impl AsyncFnOnce(Stream) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let talk = async {
        let mut open = cluster.pods_api().portforward(pod, &[number]).await?;
        let (Some(error), Some(stream)) = (open.take_error(number), open.take_stream(number)) else {
            return Err(broken());
        };
        let done = tokio::select! {
            biased;
            Some(words) = error => Err(told(&words)),
            done = work(Box::new(stream)) => done,
        };
        open.abort();
        done
    };
    tokio::select! {
        biased;
        done = talk => done,
        () = services.clock.sleep(limit) => {
            Err(trouble(seen::TIMEOUT, &format!("no answer within {} s", limit.as_secs())))
        }
    }
}

/// Both ways of a connection.
trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}
type Stream = Box<dyn Both>;

fn trouble(code: &'static str, detail: &str) -> Trouble {
    Trouble { code, detail: detail.to_owned() }
}

fn broken() -> Trouble {
    trouble(seen::CONNECTION_BROKEN, "the connection ended before an answer came")
}

/// The node's own words for a port that it could not reach; the innermost are those of the connection.
fn told(words: &str) -> Trouble {
    let code = if words.contains("connection refused") { seen::CONNECTION_REFUSED } else { seen::CONNECTION_BROKEN };
    let tcp4 = words.split_once("IPv4: ").map(|(_, rest)| rest.split(" IPv6 ").next().unwrap_or(rest));
    trouble(code, tcp4.unwrap_or(words).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_words_are_told_without_what_the_runtime_puts_around_them() {
        let containerd = "error forwarding port 8787 to pod 1f, uid : failed to execute portforward in network namespace \
                          \"/var/run/netns/cni-1\": failed to connect to localhost:8787 inside namespace \"1f\", IPv4: dial \
                          tcp4 127.0.0.1:8787: connect: connection refused IPv6 dial tcp6: address localhost: no suitable \
                          address found ";
        let want = trouble(seen::CONNECTION_REFUSED, "dial tcp4 127.0.0.1:8787: connect: connection refused");
        assert_eq!(told(containerd), want);
        assert_eq!(told("lost it").code, seen::CONNECTION_BROKEN);
    }

    #[test]
    fn only_an_answer_of_http_has_a_status() {
        assert_eq!(said("HTTP/1.1 200 OK\r\n"), Ok(200));
        assert_eq!(said("HTTP/1.1 503\r\n"), Ok(503));
        assert_eq!(said("SSH-2.0-x 200\r\n").map_err(|t| t.code), Err(seen::UNEXPECTED));
        assert_eq!(said("").map_err(|t| t.code), Err(seen::CONNECTION_BROKEN));
    }
}
