//! Asks one resolver one question, and times the answer.
//!
//! Owns the sockets: UDP, then TCP if the answer did not fit. Never asks again on its own, so that
//! a time is the time of one question. Which resolvers and names are asked is the probe's affair.

mod message;

pub use message::{BadName, Question};

use message::Reply;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use telemetry::DnsAnswer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What was answered.
    pub answer: DnsAnswer,
    /// How long it took; none if nothing was answered.
    pub time: Option<Duration>,
}

/// Asks a resolver, and waits for its answer until the limit is over.
pub async fn ask(resolver: SocketAddr, question: &Question, limit: Duration) -> Answer {
    let started = Instant::now();
    let mut seen_nonsense = false;
    let outcome = timeout_at(started + limit, exchange(resolver, question, &mut seen_nonsense)).await;
    let answer = match outcome {
        Ok(Ok(answer)) => answer,
        // A closed port (told by ICMP), no route, a firewall of this computer: nobody was reached.
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => DnsAnswer::BadAnswer,
        Ok(Err(_)) => DnsAnswer::Unreachable,
        Err(_) if seen_nonsense => DnsAnswer::BadAnswer,
        Err(_) => DnsAnswer::Timeout,
    };
    let answered = !matches!(answer, DnsAnswer::Timeout | DnsAnswer::Unreachable | DnsAnswer::BadAnswer);
    Answer { answer, time: answered.then(|| started.elapsed()) }
}

async fn exchange(
    resolver: SocketAddr,
    question: &Question,
    seen_nonsense: &mut bool,
) -> io::Result<DnsAnswer> {
    let any: SocketAddr = if resolver.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    // Connected: the kernel drops what comes from elsewhere, and hands over an ICMP refusal.
    socket.connect(resolver).await?;
    socket.send(question.bytes()).await?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match question.read(&buffer[..length]) {
            Reply::Answer(answer) => return Ok(answer),
            Reply::Truncated => return over_tcp(resolver, question).await,
            // A late answer to somebody else's question, or a forged one: the right one may still come.
            Reply::NotOurs => *seen_nonsense = true,
        }
    }
}

async fn over_tcp(resolver: SocketAddr, question: &Question) -> io::Result<DnsAnswer> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = (question.bytes().len() as u16).to_be_bytes();
    stream.write_all(&[&length, question.bytes()].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    match question.read(&answer) {
        Reply::Answer(answer) => Ok(answer),
        Reply::Truncated | Reply::NotOurs => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests;
