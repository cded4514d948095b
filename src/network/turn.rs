//! Asks a relay for voice (TURN, RFC 8656): does it answer, does it give an address, does a packet come through?
//!
//! Owns the order of the questions and what each answer means. Over what they travel is `wire`, how they are
//! written is `message`. A packet goes through the relay to the relay's own address and so back to us: nobody
//! else is sent anything, and it works over every kind of connection.

mod credentials;
mod message;
mod wire;

pub use credentials::{Credentials, FILE, for_host};
pub use message::{Answer, Auth};
pub use wire::{Stream, Udp, Wire};

use crate::network::https;
use message::Asked;
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use stun_types::message::StunWriteError;
use telemetry::{Failure, TurnResult};

/// The first wait over UDP, doubled with each repetition (RFC 8489, section 6.2.1).
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How often a request is sent over UDP: what is lost three times in a row is no use to a call.
const TRIES: u32 = 3;
/// How often a relay may say that its challenge is out of date.
const STALE: usize = 2;
/// Messages that do not belong to a request, after which what speaks there is none that we know.
const STRANGERS: usize = 32;
/// How long the packet through the relay is waited for, each time it is sent.
const RELAY_WAIT: Duration = Duration::from_millis(700);

/// How far a way led.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// How far.
    pub result: TurnResult,
    /// From the first request to its answer; none if it had to be repeated, since nobody knows which was answered.
    pub answer: Option<Duration>,
    /// A packet through the relay and back.
    pub relay: Option<Duration>,
    /// Why it led no further.
    pub failure: Option<Failure>,
}

/// Asks the relay at the other end of a connection, on this thread.
pub fn ask(wire: &mut dyn Wire, credentials: Option<&Credentials>, deadline: Instant) -> Found {
    let mut session = Session { wire, deadline, auth: None };
    let (answer, took) = match session.exchange(&message::allocate(None)) {
        Ok(answered) => answered,
        Err(why) => {
            return Found { result: TurnResult::Failed, answer: None, relay: None, failure: Some(why) };
        }
    };
    let so_far = |result, failure| Found { result, answer: took, relay: None, failure };
    let answer = match (answer, credentials) {
        (Answer::Refusal { code: 401, challenge: Some(challenge) }, Some(credentials)) => {
            session.auth = Some(Auth::new(credentials, challenge));
            match session.signed(message::allocate) {
                Ok(answer) => answer,
                // It answered before: the way is open, and something about the sign-in is not well.
                Err(why) => return so_far(TurnResult::Refused, Some(why)),
            }
        }
        (Answer::Refusal { code: 401, .. }, _) => return so_far(TurnResult::SignInAsked, None),
        (answer, _) => answer,
    };
    match answer {
        Answer::Success { relayed: Some(relayed) } => {
            let relay = session.through(relayed);
            session.release();
            let result = if relay.is_some() { TurnResult::Relayed } else { TurnResult::Allocated };
            Found { relay, ..so_far(result, None) }
        }
        Answer::Success { relayed: None } => so_far(TurnResult::Refused, Some(Failure::BadAnswer)),
        Answer::Refusal { code: 401, .. } => so_far(TurnResult::SignInRefused, None),
        Answer::Refusal { .. } => so_far(TurnResult::Refused, None),
    }
}

struct Session<'a> {
    wire: &'a mut dyn Wire,
    deadline: Instant,
    auth: Option<Auth>,
}

impl Session<'_> {
    /// Sends a signed request; again where the relay changed its challenge (438).
    fn signed(
        &mut self,
        make: impl Fn(Option<&Auth>) -> Result<Asked, StunWriteError>,
    ) -> Result<Answer, Failure> {
        let mut stale = 0;
        loop {
            let asked = make(self.auth.as_ref());
            match (self.exchange(&asked)?.0, &mut self.auth) {
                (Answer::Refusal { code: 438, challenge: Some(challenge) }, Some(auth)) if stale < STALE => {
                    auth.renew(challenge);
                    stale += 1;
                }
                (answer, _) => return Ok(answer),
            }
        }
    }

    /// Sends a request until it is answered; how long that took, if it was sent once.
    fn exchange(
        &mut self,
        asked: &Result<Asked, StunWriteError>,
    ) -> Result<(Answer, Option<Duration>), Failure> {
        let asked = asked.as_ref().map_err(|_| Failure::System)?;
        let begun = Instant::now();
        let tries = if self.wire.is_reliable() { 1 } else { TRIES };
        let mut strangers = 0;
        for n in 0..tries {
            self.wire.send(&asked.bytes).map_err(|error| https::failure(&error))?;
            let wait = if tries == 1 { Duration::MAX } else { FIRST_WAIT * 2_u32.pow(n) };
            let until = Instant::now().checked_add(wait).map_or(self.deadline, |u| u.min(self.deadline));
            while let Some(bytes) = self.next(until)? {
                if let Some(answer) = asked.answered_by(&bytes, self.auth.as_ref()) {
                    return Ok((answer, (n == 0).then(|| begun.elapsed())));
                }
                strangers += 1;
                if strangers > STRANGERS {
                    return Err(Failure::BadAnswer);
                }
            }
            if Instant::now() >= self.deadline {
                break;
            }
        }
        Err(if strangers > 0 { Failure::BadAnswer } else { Failure::NoAnswer })
    }

    fn next(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Failure> {
        match self.wire.receive(until) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                Ok(None)
            }
            Err(error) => Err(https::failure(&error)),
        }
    }

    /// Sends a packet through the relay to its own address; how long it took to come back, if it did.
    fn through(&mut self, relayed: SocketAddr) -> Option<Duration> {
        match self.signed(|auth| message::permission(relayed, auth)) {
            Ok(Answer::Success { .. }) => {}
            _ => return None,
        }
        for _ in 0..TRIES {
            let packet = getrandom::u64().ok()?.to_be_bytes();
            let begun = Instant::now();
            self.wire.send(&message::packet_to(relayed, &packet).ok()?).ok()?;
            let until = self.deadline.min(begun + RELAY_WAIT);
            // What comes late belongs to an earlier packet and tells no time.
            while let Some(bytes) = self.next(until).ok()? {
                if message::packet_from(&bytes, relayed).as_deref() == Some(&packet[..]) {
                    return Some(begun.elapsed());
                }
            }
            if Instant::now() >= self.deadline {
                return None;
            }
        }
        None
    }

    /// Gives the address back. What is not given back, the relay takes back by itself after ten minutes.
    fn release(&mut self) {
        // Also where the time for measuring is over.
        self.deadline = self.deadline.max(Instant::now() + FIRST_WAIT);
        let _ = self.signed(message::release);
    }
}

#[cfg(test)]
mod tests;
