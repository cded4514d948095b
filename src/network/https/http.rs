//! As much HTTP/1.1 as a visit needs: a request, and the head of its answer within limits.

use super::{Seen, Stop, failure, note};
use base64::Engine as _;
use std::{
    io::{self, Read, Write},
    sync::Mutex,
    time::Instant,
};
use telemetry::Failure;
use url::Url;

/// A longer head is no service's; browsers and servers stop at 8 to 64 kB.
const MAX_HEAD: usize = 16 << 10;

/// The head of an answer, as far as anybody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Where it sends to.
    pub location: Option<String>,
    /// Whether a body follows, as far as the head tells.
    pub body: bool,
    /// The answer to a WebSocket's key, if the head says that the connection goes on as one.
    pub websocket: Option<String>,
}

/// What stands behind a WebSocket's key when it is answered (RFC 6455, section 1.3).
const WEBSOCKET: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Asks for a WebSocket at an address, and waits for the head of the answer. It is an answer to our key, or
/// `Failed(BadAnswer)`.
pub fn upgrade(stream: &mut (impl Read + Write + ?Sized), url: &Url, seen: &Mutex<Seen>) -> Result<(), Stop> {
    let key = base64::engine::general_purpose::STANDARD.encode(
        getrandom::u64()
            .and_then(|a| Ok([a.to_ne_bytes(), getrandom::u64()?.to_ne_bytes()].concat()))
            .map_err(|_| Stop::Failed(Failure::System))?,
    );
    let more = format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    );
    let head = ask(stream, url, &more, seen)?;
    let right = head.status != 101 || head.websocket.as_deref() == Some(&websocket_answer(&key));
    note(seen, |s| s.head = Some(head));
    if right { Ok(()) } else { Err(Stop::Failed(Failure::BadAnswer)) }
}

/// The only right answer to a WebSocket's key.
pub fn websocket_answer(key: &str) -> String {
    use sha1::Digest as _;
    let digest = sha1::Sha1::new().chain_update(key).chain_update(WEBSOCKET).finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Asks for an address, and waits for the head of the answer.
pub fn get(stream: &mut (impl Read + Write + ?Sized), url: &Url, seen: &Mutex<Seen>) -> Result<(), Stop> {
    let head = ask(stream, url, "Connection: close\r\n", seen)?;
    // Nobody asked for another protocol.
    if head.status == 101 {
        return Err(Stop::Failed(Failure::BadAnswer));
    }
    note(seen, |s| s.head = Some(head));
    Ok(())
}

fn ask(
    stream: &mut (impl Read + Write + ?Sized),
    url: &Url,
    more: &str,
    seen: &Mutex<Seen>,
) -> Result<Head, Stop> {
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET {}{query} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: preshift/{version}\r\nAccept: */*\r\n\
         {more}\r\n",
        url.path()
    );
    let failed = |error: io::Error| Stop::Failed(failure(&error));
    let began = Instant::now();
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(failed)?;
    let (head, _) =
        read_head(stream, || note(seen, |s| s.first_byte = Some(began.elapsed()))).map_err(failed)?;
    Ok(head)
}

/// Has a proxy connect to `authority`.
pub fn through_proxy(
    stream: &mut (impl Read + Write),
    authority: &str,
    authorization: Option<&str>,
) -> Result<(), Stop> {
    let authorization = authorization.map(|a| format!("Proxy-Authorization: {a}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n");
    let failed = |error: io::Error| Stop::Failed(failure(&error));
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(failed)?;
    let (head, rest) = read_head(stream, || {}).map_err(failed)?;
    match head.status {
        // In TLS the client speaks first: whatever follows already is not from the service.
        200..=299 if rest == 0 => Ok(()),
        200..=299 => Err(Stop::Failed(Failure::BadAnswer)),
        // It could not reach the service either.
        502..=504 => Err(Stop::Failed(Failure::NoAnswer)),
        _ => Err(Stop::Failed(Failure::Refused)),
    }
}

/// Reads a head; tells when the first byte is there, and how many bytes came behind the head.
fn read_head(stream: &mut (impl Read + ?Sized), first_byte: impl FnOnce()) -> io::Result<(Head, usize)> {
    let mut bytes = Vec::with_capacity(1024);
    let mut first_byte = Some(first_byte);
    let mut chunk = [0; 1024];
    loop {
        let length = match stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if length == 0 {
            // Something came, but no answer; or nothing did.
            let kind =
                if bytes.is_empty() { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
            return Err(kind.into());
        }
        if let Some(tell) = first_byte.take() {
            tell();
        }
        bytes.extend_from_slice(&chunk[..length]);
        while let Some(end) = end_of_head(&bytes) {
            let head = parse_head(&bytes[..end]).ok_or(io::ErrorKind::InvalidData)?;
            // 101 is no hint but an answer: another protocol follows.
            if head.status == 101 || !(100..200).contains(&head.status) {
                return Ok((head, bytes.len() - end));
            }
            // "Early hints" and the like come before the answer.
            bytes.drain(..end);
            if bytes.is_empty() {
                break;
            }
        }
        if bytes.len() > MAX_HEAD || !may_be_http(&bytes) {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Where a head ends, its empty line included.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Whether what came so far can still become an answer: garbage need not be waited out.
fn may_be_http(bytes: &[u8]) -> bool {
    bytes.iter().zip(b"HTTP/1.").all(|(a, b)| a == b)
}

/// Reads a head. Header values that are no text are as good as absent.
pub fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut lines = bytes.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let status_line = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = status_line.splitn(3, ' ');
    matches!(words.next()?, "HTTP/1.0" | "HTTP/1.1").then_some(())?;
    let digits = words.next().filter(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_digit()))?;
    let status = digits.parse().ok().filter(|s| (100..=999).contains(s))?;
    let body = !matches!(status, 100..=199 | 204 | 304);
    let mut head = Head { status, location: None, body, websocket: None };
    let (mut protocol, mut connection) = (false, false);
    for line in lines {
        let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once(':')) else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("location") {
            head.location = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("content-length") {
            head.body = value != "0";
        } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
            head.websocket = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("upgrade") {
            protocol |= value.eq_ignore_ascii_case("websocket");
        } else if name.eq_ignore_ascii_case("connection") {
            connection |= value.split(',').any(|v| v.trim().eq_ignore_ascii_case("upgrade"));
        }
    }
    if status != 101 || !protocol || !connection {
        head.websocket = None;
    }
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of a few.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(self.1).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn read(bytes: &[u8], piece: usize) -> Result<(Head, usize), io::ErrorKind> {
        read_head(&mut Pieces(bytes, piece), || {}).map_err(|e| e.kind())
    }

    #[test]
    fn heads_in_any_pieces() {
        let bytes =
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 302 Found\r\nlocation:  http://x/ \r\n\
                      Content-Length: 0\r\n\r\nrest";
        for piece in [1, 3, 1000] {
            let (head, _) = read(bytes, piece).unwrap();
            let wanted =
                Head { status: 302, location: Some("http://x/".into()), body: false, websocket: None };
            assert_eq!(head, wanted);
        }
        assert_eq!(read(bytes, 1000).unwrap().1, 4);
    }

    #[test]
    fn a_204_has_no_body() {
        assert!(!parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().body);
        assert!(parse_head(b"HTTP/1.0 200\r\n\r\n").unwrap().body);
        assert!(parse_head(b"HTTP/1.1 204 x\r\nContent-Length: 12\r\n\r\n").unwrap().body);
    }

    #[test]
    fn a_websocket_is_one_only_by_the_whole_head() {
        // The example of RFC 6455, section 1.3.
        let answer = websocket_answer("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let head = |status: &str, upgrade: &str, connection: &str| {
            let text = format!(
                "HTTP/1.1 {status} x\r\nUpgrade: {upgrade}\r\nCONNECTION: {connection}\r\nSec-WebSocket-Accept: {answer}\r\n\r\n"
            );
            read(text.as_bytes(), 7).unwrap().0.websocket
        };
        assert_eq!(head("101", "WebSocket", "keep-alive, Upgrade").as_ref(), Some(&answer));
        assert_eq!(head("101", "h2c", "Upgrade"), None);
        assert_eq!(head("101", "websocket", "close"), None);
        assert_eq!(head("200", "websocket", "Upgrade"), None);
    }

    #[test]
    fn garbage_ends_at_once_and_giant_heads_at_the_limit() {
        assert_eq!(read(b"SSH-2.0-OpenSSH_9\r\n", 4), Err(io::ErrorKind::InvalidData));
        assert_eq!(read(b"", 4), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n", 4), Err(io::ErrorKind::InvalidData));
        let giant = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat();
        let mut pieces = Pieces(&giant, 1024);
        assert_eq!(read_head(&mut pieces, || {}).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(giant.len() - pieces.0.len() < MAX_HEAD + 4096, "stopped reading at the limit");
        for bad in
            ["HTTP/2 200 OK", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 -20 x", "HTTP/1.1 099 x", "HTTP/1.1"]
        {
            assert_eq!(parse_head(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn endless_hints_end() {
        let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10);
        assert_eq!(read(&hints, 7), Err(io::ErrorKind::UnexpectedEof));
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(0u8..=255, 0..300), piece in 1usize..40) {
            let _ = read(&bytes, piece);
            let _ = read(&[b"HTTP/1.1 200 x\r\n".to_vec(), bytes].concat(), piece);
        }
    }
}
