//! Messages of RFC 6455, as far as commands in pods need them: no extensions, no fragments, pings left unanswered.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The dialect of commands in pods in which standard input can be closed.
pub const CHANNELS: &str = "v5.channel.k8s.io";
/// What the standard adds to a client's key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A client masks what it sends, with any number; a test's needs not be secret.
const MASK: [u8; 4] = *b"mops";
/// The longest message that is taken.
const LIMIT: u64 = 1 << 20;

/// Who writes: only a client masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It asked for the upgrade.
    Client,
    /// It granted it.
    Server,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Bytes.
    Binary(Vec<u8>),
    /// The other side has said all.
    Close,
}

/// `Sec-WebSocket-Accept` for a client's key.
#[must_use]
pub fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::from(format!("{key}{GUID}")).digest().bytes())
}

/// The next message.
///
/// # Errors
/// When the connection ends or a message is longer than 1 MiB.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
    loop {
        let [first, second] = bytes(stream).await?;
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(bytes(stream).await?)),
            127 => u64::from_be_bytes(bytes(stream).await?),
            short => u64::from(short),
        };
        let mask: Option<[u8; 4]> = if second & 0x80 == 0 { None } else { Some(bytes(stream).await?) };
        let length = usize::try_from(length.min(LIMIT + 1)).unwrap_or_default();
        let mut payload = vec![0; length];
        if length as u64 > LIMIT {
            return Err(io::Error::other("a message of more than 1 MiB"));
        }
        stream.read_exact(&mut payload).await?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask.map_or(0, |mask| mask[at % 4]);
        }
        match first & 0x0f {
            1 | 2 => return Ok(Message::Binary(payload)),
            8 => return Ok(Message::Close),
            9 | 10 => {}
            _ => return Err(io::Error::other("a fragment")),
        }
    }
}

async fn bytes<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Sends a message.
///
/// # Errors
/// When the connection has ended.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), side: Side, message: &Message) -> io::Result<()> {
    // A close says that everything was in order.
    let (code, payload) = match message {
        Message::Binary(payload) => (2, payload.clone()),
        Message::Close => (8, 1000_u16.to_be_bytes().to_vec()),
    };
    let masked = if side == Side::Client { 0x80 } else { 0 };
    let mut frame = vec![0x80 | code];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => frame.push(masked | short),
        (_, Ok(middle)) => {
            frame.push(masked | 126);
            frame.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if side == Side::Client {
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    } else {
        frame.extend_from_slice(&payload);
    }
    stream.write_all(&frame).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_key_is_that_of_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn a_message_of_every_length_arrives_from_both_sides() {
        for side in [Side::Client, Side::Server] {
            for length in [0, 125, 126, 65_535, 65_536] {
                let sent = Message::Binary((0..length).map(|at: u32| (at % 251) as u8).collect());
                let mut wire = Vec::new();
                write(&mut wire, side, &sent).await.expect("written");
                write(&mut wire, side, &Message::Close).await.expect("written");
                let mut wire = wire.as_slice();
                assert_eq!(read(&mut wire).await.expect("read"), sent, "{length}");
                assert_eq!(read(&mut wire).await.expect("read"), Message::Close);
                assert!(read(&mut wire).await.is_err());
            }
        }
    }
}
