//! From a name to its addresses, on networks that lose packets.
//!
//! The system's own look-up sends its question once and asks again only after five seconds, which is longer than a
//! probe can wait. On a line that loses one packet in twenty, every tenth look-up would end so, and the line that is to be
//! measured would read as a name that nobody knows.

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// An answer takes some tens of milliseconds, or some hundreds where the line is full. After that it is lost.
const AGAIN: Duration = Duration::from_secs(1);

/// The addresses of a name, in the order in which the system would try them. Asks again while there is no answer: an answer
/// that says no is one.
pub async fn look_up(name: &str, port: u16, within: Duration) -> io::Result<Vec<SocketAddr>> {
    // An address in IPv6 may be written in brackets.
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let ask = || async move { Ok(tokio::net::lookup_host((name, port)).await?.collect::<Vec<_>>()) };
    let found = first_answer(ask, within).await?;
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

/// Questions that a thread has hanging at a time: each has a thread of its own, which a dead resolver holds for
/// half a minute.
const HANGING: usize = 3;

/// The same for a thread that may wait.
pub fn look_up_waiting(name: &str, port: u16, until: std::time::Instant) -> io::Result<Vec<SocketAddr>> {
    let (tell, answers) = mpsc::channel();
    for asked in 1.. {
        let left = until.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if asked <= HANGING {
            let (name, tell) = (name.to_owned(), tell.clone());
            let ask = move || {
                // Nobody waits any more if another was answered first.
                let _ = tell.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
            };
            thread::Builder::new().name("look-up".into()).stack_size(STACK).spawn(ask)?;
        }
        let patience = if asked < HANGING { left.min(AGAIN) } else { left };
        match answers.recv_timeout(patience) {
            Ok(Ok(found)) if found.is_empty() => return Err(io::ErrorKind::NotFound.into()),
            Ok(answer) => return answer,
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The systems' look-ups need a tenth of it; some load modules that want more.
const STACK: usize = 512 * 1024;

/// The first answer to a question that is put anew each `AGAIN`, until `within` is over.
async fn first_answer<T, F>(ask: impl Fn() -> F, within: Duration) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let end = Instant::now() + within;
    let mut asked = FuturesUnordered::new();
    loop {
        asked.push(ask());
        let until = end.min(Instant::now() + AGAIN);
        match timeout_at(until, asked.next()).await {
            Ok(Some(answer)) => return answer,
            // One was asked just now, so that there always is one to wait for.
            Ok(None) | Err(_) if Instant::now() >= end => return Err(io::ErrorKind::TimedOut.into()),
            Ok(None) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const WITHIN: Duration = Duration::from_millis(3_000);

    /// A question whose first tries are lost, then answered at once.
    async fn asked(lost: usize, answer: io::Result<u8>) -> (io::Result<u8>, usize, Duration) {
        let tries = Cell::new(0);
        let answer = Cell::new(Some(answer));
        let ask = || {
            tries.set(tries.get() + 1);
            let answered = (tries.get() > lost).then(|| answer.take()).flatten();
            async move {
                match answered {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        };
        let began = Instant::now();
        let first = first_answer(ask, WITHIN).await;
        (first, tries.get(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_question_is_put_again() {
        let (answer, tries, took) = asked(0, Ok(7)).await;
        assert_eq!((answer.unwrap(), tries, took.as_millis()), (7, 1, 0));
        let (answer, tries, took) = asked(2, Ok(7)).await;
        assert_eq!((answer.unwrap(), tries, took.as_secs()), (7, 3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn no_is_an_answer_and_silence_ends_in_time() {
        let (answer, tries, _) = asked(0, Err(io::ErrorKind::NotFound.into())).await;
        assert_eq!((answer.unwrap_err().kind(), tries), (io::ErrorKind::NotFound, 1));
        let (answer, tries, took) = asked(99, Ok(7)).await;
        assert_eq!((answer.unwrap_err().kind(), tries), (io::ErrorKind::TimedOut, 3));
        assert!(took >= WITHIN && took < WITHIN + Duration::from_millis(50), "{took:?}");
    }

    #[tokio::test]
    async fn an_address_needs_nobody_to_be_asked() {
        let found = look_up("[::1]", 862, WITHIN).await.unwrap();
        assert_eq!(found, ["[::1]:862".parse().unwrap()]);
        let soon = std::time::Instant::now() + WITHIN;
        assert_eq!(look_up_waiting("127.0.0.1", 5, soon).unwrap(), ["127.0.0.1:5".parse().unwrap()]);
        let late = look_up_waiting("127.0.0.1", 5, std::time::Instant::now()).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }
}
