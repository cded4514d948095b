//! Against real servers on loopback.

use super::*;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, rdata},
};
use telemetry::RecordType;
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_millis(400);

fn question() -> Question {
    Question::new(4711, "voice.example", RecordType::A).unwrap()
}

fn answer_to(question: &[u8]) -> Message {
    let asked = Message::from_vec(question).unwrap();
    let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
    message.add_queries(asked.queries.iter().cloned());
    let address = RData::A(rdata::A::new(203, 0, 113, 9));
    message.add_answer(Record::from_rdata(asked.queries[0].name().clone(), 60, address));
    message
}

/// A server that answers each question with what `replies` makes of it, each after a pause.
async fn server(replies: impl Fn(&[u8]) -> Vec<(Duration, Vec<u8>)> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for (pause, bytes) in replies(&buffer[..length]) {
                tokio::time::sleep(pause).await;
                let _ = socket.send_to(&bytes, from).await;
            }
        }
    });
    address
}

fn at_once(bytes: Vec<u8>) -> Vec<(Duration, Vec<u8>)> {
    vec![(Duration::ZERO, bytes)]
}

#[tokio::test]
async fn an_answer_is_timed() {
    let pause = Duration::from_millis(60);
    let address = server(move |q| vec![(pause, answer_to(q).to_vec().unwrap())]).await;
    let answer = ask(address, &question(), Duration::from_secs(5)).await;
    assert_eq!(answer.answer, DnsAnswer::Answered);
    assert!(answer.time.unwrap() >= pause, "{answer:?}");
}

#[tokio::test]
async fn codes_come_through() {
    for (code, expected) in [
        (ResponseCode::NXDomain, DnsAnswer::NoSuchName),
        (ResponseCode::ServFail, DnsAnswer::ServerFailure),
        (ResponseCode::Refused, DnsAnswer::Refused),
    ] {
        let address = server(move |q| {
            let mut message = answer_to(q);
            message.answers.clear();
            message.metadata.response_code = code;
            at_once(message.to_vec().unwrap())
        })
        .await;
        let answer = ask(address, &question(), Duration::from_secs(5)).await;
        assert_eq!(answer.answer, expected);
        assert!(answer.time.is_some());
    }
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let address = server(|_| Vec::new()).await;
    let started = Instant::now();
    assert_eq!(ask(address, &question(), LIMIT).await, Answer { answer: DnsAnswer::Timeout, time: None });
    assert!(started.elapsed() >= LIMIT);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_a_timeout() {
    let address = server(|q| vec![(LIMIT * 3, answer_to(q).to_vec().unwrap())]).await;
    assert_eq!(ask(address, &question(), LIMIT).await.answer, DnsAnswer::Timeout);
}

#[tokio::test]
async fn a_closed_port_is_unreachable_at_once() {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let answer = ask(free, &question(), Duration::from_secs(30)).await;
    assert_eq!(answer, Answer { answer: DnsAnswer::Unreachable, time: None });
}

#[tokio::test]
async fn a_wrong_id_is_ignored_until_the_right_one_comes() {
    let address = server(|q| {
        let mut forged = answer_to(q);
        forged.metadata.id ^= 1;
        forged.answers.clear();
        vec![(Duration::ZERO, forged.to_vec().unwrap()), (Duration::ZERO, answer_to(q).to_vec().unwrap())]
    })
    .await;
    assert_eq!(ask(address, &question(), Duration::from_secs(5)).await.answer, DnsAnswer::Answered);
}

#[tokio::test]
async fn nothing_but_nonsense_is_a_bad_answer() {
    let wrong_id = server(|q| {
        let mut forged = answer_to(q);
        forged.metadata.id ^= 1;
        at_once(forged.to_vec().unwrap())
    })
    .await;
    let hostile = server(|_| at_once([0xc0, 0x0c].repeat(700))).await;
    let echo = server(|q| at_once(q.to_vec())).await;
    let empty = server(|_| at_once(Vec::new())).await;
    for address in [wrong_id, hostile, echo, empty] {
        let answer = ask(address, &question(), LIMIT).await;
        assert_eq!(answer, Answer { answer: DnsAnswer::BadAnswer, time: None });
    }
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_not_heard() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let _ = other.send_to(&answer_to(&buffer[..length]).to_vec().unwrap(), from).await;
        std::future::pending::<()>().await;
    });
    assert_eq!(ask(address, &question(), LIMIT).await.answer, DnsAnswer::Timeout);
}

/// UDP that always says "truncated", and TCP on the same port with what `tcp` makes of the question.
async fn truncating(tcp: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let mut message = answer_to(&buffer[..length]);
        message.answers.clear();
        message.metadata.truncation = true;
        socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
    });
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut asked).await.unwrap();
        let _ = stream.write_all(&tcp(&asked)).await;
        let _ = stream.read_u8().await;
    });
    address
}

fn framed(bytes: Vec<u8>) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let address = truncating(|q| framed(answer_to(q).to_vec().unwrap())).await;
    let answer = ask(address, &question(), Duration::from_secs(5)).await;
    assert_eq!(answer.answer, DnsAnswer::Answered);
}

#[tokio::test]
async fn tcp_that_hangs_or_talks_nonsense_does_not_hold_it() {
    let hangs = truncating(|_| vec![0xff, 0xff, 1, 2, 3]).await;
    assert_eq!(ask(hangs, &question(), LIMIT).await.answer, DnsAnswer::Timeout);
    let nonsense = truncating(|_| framed(vec![7; 300])).await;
    assert_eq!(ask(nonsense, &question(), Duration::from_secs(5)).await.answer, DnsAnswer::BadAnswer);
}
