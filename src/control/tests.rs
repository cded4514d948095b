use super::*;
use telemetry::ProbeId;
use tokio::sync::mpsc;

fn step(percent: u8) -> Step {
    Step::At(ProbeId::Media, percent)
}

/// A server that answers each request in a way that tells what was asked.
async fn answering(dir: &std::path::Path) -> tokio::task::JoinHandle<()> {
    let (to, mut asked) = mpsc::channel::<Asked>(4);
    let server = Server::bind(dir).unwrap();
    tokio::spawn(async move {
        let answer = async {
            while let Some(Asked { request, replies }) = asked.recv().await {
                match request {
                    Request::Check(_) => {
                        // More steps than there is room for: some are dropped, the answer never.
                        (0..100).cycle().take(2000).for_each(|i| replies.send(Answer::Step(step(i))));
                        replies.send(Answer::Done);
                    }
                    Request::Unenroll => drop(replies),
                    _ => replies.send(Answer::Done),
                }
            }
        };
        tokio::join!(server.serve(to), answer);
    })
}

#[tokio::test]
async fn a_request_gets_its_steps_and_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering(dir.path()).await;
    let client = Client::connect(dir.path()).await.unwrap();
    let mut steps = Vec::new();
    let answer = client.ask(Request::Check(CheckRequest::default()), |s| steps.push(s)).await.unwrap();
    assert_eq!(answer, Answer::Done);
    assert!(!steps.is_empty() && steps.len() < 2000, "{} steps", steps.len());
    let client = Client::connect(dir.path()).await.unwrap();
    assert_eq!(client.ask(Request::Resume, |_| ()).await.unwrap(), Answer::Done);
}

#[tokio::test]
async fn a_daemon_that_drops_a_request_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let _server = answering(dir.path()).await;
    let client = Client::connect(dir.path()).await.unwrap();
    let error = client.ask(Request::Unenroll, |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(Refusal::Ending)), "{error}");
}

#[tokio::test]
async fn without_a_daemon_nobody_answers() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Client::connect(dir.path()).await, Err(ClientError::NotRunning)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_of_a_killed_daemon_is_replaced_and_one_left_behind_answers_nobody() {
    let dir = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("control.sock")).unwrap());
    assert!(matches!(Client::connect(dir.path()).await, Err(ClientError::NotRunning)));
    let _server = answering(dir.path()).await;
    let client = Client::connect(dir.path()).await.unwrap();
    assert_eq!(client.ask(Request::Resume, |_| ()).await.unwrap(), Answer::Done);
}

#[cfg(unix)]
#[tokio::test]
async fn the_socket_is_for_its_owner_alone_even_at_a_very_long_path() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let server = answering(dir.path()).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("control.sock")), 0o600);
    assert_eq!(mode(dir.path()), 0o700);
    server.abort();
    let long = dir.path().join("x".repeat(120));
    crate::platform::files::make_private_dir(&long).unwrap();
    let _server = answering(&long).await;
    let client = Client::connect(&long).await.unwrap();
    assert_eq!(client.ask(Request::Resume, |_| ()).await.unwrap(), Answer::Done);
}

#[tokio::test]
async fn hostile_lines_are_refused_and_the_server_lives_on() {
    use tokio::io::AsyncWriteExt as _;
    let dir = tempfile::tempdir().unwrap();
    let _server = answering(dir.path()).await;
    let long = vec![b'x'; 100_000];
    let nested = "[".repeat(4000) + "\n";
    for (sent, expected) in [
        (&b"\n"[..], Refusal::Malformed),
        (b"{}\n", Refusal::Malformed),
        (b"\xff\xfe\n", Refusal::Malformed),
        (&long, Refusal::Malformed),
        (nested.as_bytes(), Refusal::Malformed),
        (b"{\"version\":1,\"request\":\"resume\",\"more\":1}\n", Refusal::Malformed),
        (b"{\"version\":1,\"request\":{\"run\":\"rm\"}}\n", Refusal::Malformed),
        (b"{\"version\":99,\"request\":\"resume\"}\n", Refusal::Version),
    ] {
        let mut stream = crate::platform::control::connect(dir.path()).await.unwrap();
        // The server may hang up before it read all of it.
        let _ = stream.write_all(sent).await;
        let _ = stream.shutdown().await;
        let mut from = tokio::io::BufReader::new(stream);
        match lines::read::<Answer>(&mut from, 1000).await {
            Ok(answer) => assert_eq!(answer, Some(Answer::Refused(expected))),
            // A socket that is reset, or a pipe whose other end is closed.
            Err(e) => {
                use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
                assert!(matches!(e.kind(), ConnectionReset | BrokenPipe), "{e}");
            }
        }
    }
    let client = Client::connect(dir.path()).await.unwrap();
    assert_eq!(client.ask(Request::Resume, |_| ()).await.unwrap(), Answer::Done);
}

#[test]
fn a_desk_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let first = Lock::take(dir.path()).unwrap();
    assert!(matches!(Lock::take(dir.path()), Err(LockError::Held)));
    drop(first);
    let _again = Lock::take_within(dir.path(), std::time::Duration::from_secs(5)).unwrap();
}

#[test]
fn the_worst_outcome_of_a_probe_is_shown() {
    use telemetry::{Failure, NotChecked, Outcome, Reading, UnixMs};
    let reading = |outcome| Reading {
        probe: ProbeId::Https,
        target: None,
        at: UnixMs::new(1_795_000_000_000),
        took_ms: 5,
        outcome,
    };
    let offline = Outcome::NotChecked(NotChecked::Offline);
    let failed = Outcome::Failed(Failure::Timeout);
    assert_eq!(
        Ended::of(&[reading(failed.clone()), reading(offline.clone())]),
        Ended::Failed(Failure::Timeout)
    );
    assert_eq!(Ended::of(&[reading(offline)]), Ended::NotChecked(NotChecked::Offline));
    assert_eq!(Ended::of(&[]), Ended::Failed(Failure::NoData));
}
