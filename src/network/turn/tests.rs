//! Asking relays: a real one (coturn, where it is installed) over UDP and TCP, and made ones that lie, keep silent,
//! change their challenge or talk nonsense.

use super::*;
use crate::network::testing::coturn::{Coturn, PASSWORD, USER};
use proptest::prelude::*;
use std::{net::UdpSocket, thread};
use stun_types::{
    attribute::{ErrorCode, Nonce, Realm, Username, XorMappedAddress},
    message::{
        IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
        MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
    },
};
use turn_types::attribute::XorRelayedAddress;

fn credentials(password: &str) -> Credentials {
    Credentials { username: USER.into(), password: password.to_owned().into() }
}

fn over_udp(relay: SocketAddr, credentials: Option<&Credentials>, limit: Duration) -> Found {
    super::ask(&mut Udp::connect(relay).unwrap(), credentials, Instant::now() + limit)
}

const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn a_real_relay_is_used_over_udp_and_gives_its_address_back() {
    let Some(coturn) = Coturn::start(&[]) else { return };
    let relay = coturn.udp();
    let found = over_udp(relay, None, PATIENT);
    assert_eq!((found.result, found.failure), (TurnResult::SignInAsked, None));
    assert!(found.answer.is_some());
    // One user may have two addresses at once, each for ten minutes if it is not given back. The relay takes a
    // moment to count what was.
    let began = Instant::now();
    let mut relayed = 0;
    while relayed < 4 {
        let found = over_udp(relay, Some(&credentials(PASSWORD)), PATIENT);
        match found.result {
            TurnResult::Relayed => {
                assert!(found.relay.is_some_and(|t| t < Duration::from_secs(2)), "{found:?}");
                relayed += 1;
            }
            _ => {
                assert_eq!((found.result, found.failure), (TurnResult::Refused, None), "{found:?}");
                assert!(relayed >= 2 && began.elapsed() < Duration::from_secs(60), "{relayed}: {found:?}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
    let found = over_udp(relay, Some(&credentials("wrong")), PATIENT);
    assert_eq!(found.result, TurnResult::SignInRefused, "{found:?}");
}

#[test]
fn a_real_relay_that_relays_to_nobody_here_still_gave_an_address() {
    let Some(coturn) = Coturn::start(&["--denied-peer-ip=127.0.0.0-127.255.255.255"]) else { return };
    let found = over_udp(coturn.udp(), Some(&credentials(PASSWORD)), PATIENT);
    assert_eq!((found.result, found.relay), (TurnResult::Allocated, None), "{found:?}");
}

/// A relay of our own making: gives each request to `answer` and sends back what that makes of it.
fn relay(mut answer: impl FnMut(&Message<'_>) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(message) = Message::from_bytes(&buffer[..length]) else { continue };
            // A packet to be passed on is not answered.
            if !message.has_class(MessageClass::Request) {
                continue;
            }
            for bytes in answer(&message) {
                let _ = socket.send_to(&bytes, from);
            }
        }
    });
    address
}

fn refusal(to: &Message<'_>, code: u16, realm: &str, nonce: &str) -> Vec<u8> {
    let mut message = Message::builder_error(to, MessageWriteVec::new());
    message.add_attribute(&ErrorCode::builder(code).build().unwrap()).unwrap();
    message.add_attribute(&Realm::new(realm).unwrap()).unwrap();
    message.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
    message.finish()
}

fn success(to: &Message<'_>, password: &str, realm: &str, relayed: &str) -> Vec<u8> {
    let mut message = Message::builder_success(to, MessageWriteVec::new());
    let id = to.transaction_id();
    message.add_attribute(&XorRelayedAddress::new(relayed.parse().unwrap(), id)).unwrap();
    message.add_attribute(&XorMappedAddress::new("203.0.113.1:9".parse().unwrap(), id)).unwrap();
    let key: MessageIntegrityCredentials =
        LongTermKeyCredentials::new(USER.into(), password.into(), realm.into()).into();
    message.add_message_integrity(&key, IntegrityAlgorithm::Sha1).unwrap();
    message.finish()
}

fn signed(message: &Message<'_>) -> Option<(String, String)> {
    message.attribute::<Username>().ok()?;
    Some((
        message.attribute::<Realm>().ok()?.realm().to_owned(),
        message.attribute::<Nonce>().ok()?.nonce().to_owned(),
    ))
}

#[test]
fn a_challenge_that_changes_is_followed() {
    // The realm changes with it: the request is signed with another key then.
    let (tell, asked) = std::sync::mpsc::channel();
    let changing = relay(move |message| {
        let lifetime = message.attribute::<turn_types::attribute::Lifetime>().ok().map(|l| l.seconds());
        let _ = tell.send((message.method(), lifetime));
        vec![match signed(message) {
            None => refusal(message, 401, "one", "a"),
            Some((_, nonce)) if nonce == "a" => refusal(message, 438, "two", "b"),
            Some((realm, _)) => {
                let key: MessageIntegrityCredentials =
                    LongTermKeyCredentials::new(USER.into(), PASSWORD.into(), realm.clone()).into();
                assert!(message.validate_integrity(&key).is_ok());
                success(message, PASSWORD, &realm, "203.0.113.1:50000")
            }
        }]
    });
    let found = over_udp(changing, Some(&credentials(PASSWORD)), Duration::from_secs(4));
    assert_eq!((found.result, found.failure), (TurnResult::Allocated, None), "{found:?}");
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked.last(), Some(&(turn_types::message::REFRESH, Some(0))), "it is given back: {asked:?}");
    let endless = relay(|message| {
        vec![match signed(message) {
            None => refusal(message, 401, "one", "a"),
            Some((_, nonce)) => refusal(message, 438, "one", &format!("{nonce}a")),
        }]
    });
    let found = over_udp(endless, Some(&credentials(PASSWORD)), PATIENT);
    assert_eq!(found.result, TurnResult::Refused, "{found:?}");
}

#[test]
fn who_does_not_know_the_password_gives_no_address() {
    let liar = relay(|message| {
        vec![match signed(message) {
            None => refusal(message, 401, "r", "n"),
            Some(_) => success(message, "guessed", "r", "203.0.113.1:50000"),
        }]
    });
    let found = over_udp(liar, Some(&credentials(PASSWORD)), Duration::from_secs(2));
    assert_eq!((found.result, found.failure), (TurnResult::Refused, Some(Failure::BadAnswer)));
}

#[test]
fn other_refusals_silence_and_nonsense_are_told_apart() {
    let full = relay(|message| vec![refusal(message, 486, "r", "n")]);
    let found = over_udp(full, None, PATIENT);
    assert_eq!((found.result, found.failure), (TurnResult::Refused, None));
    let silent = relay(|_| Vec::new());
    let found = over_udp(silent, None, Duration::from_millis(700));
    assert_eq!((found.result, found.failure), (TurnResult::Failed, Some(Failure::NoAnswer)));
    let babble = relay(|_| vec![vec![0xff; 50]; 3]);
    let found = over_udp(babble, None, Duration::from_millis(700));
    assert_eq!((found.result, found.failure), (TurnResult::Failed, Some(Failure::BadAnswer)));
    // Answers to requests that were never made.
    let stranger = relay(|_| {
        let other = Message::builder_request(stun_types::message::BINDING, MessageWriteVec::new()).finish();
        vec![refusal(&Message::from_bytes(&other).unwrap(), 401, "r", "n"); 40]
    });
    let found = over_udp(stranger, None, PATIENT);
    assert_eq!((found.result, found.failure), (TurnResult::Failed, Some(Failure::BadAnswer)));
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = over_udp(closed, None, PATIENT);
    assert_eq!(found.result, TurnResult::Failed);
    if cfg!(unix) {
        assert_eq!(found.failure, Some(Failure::Refused));
    }
}

#[test]
fn a_lost_request_is_sent_again_and_then_tells_no_time() {
    let mut first = true;
    let lossy = relay(move |message| match std::mem::take(&mut first) {
        true => Vec::new(),
        false => vec![refusal(message, 401, "r", "n")],
    });
    let found = over_udp(lossy, None, PATIENT);
    assert_eq!((found.result, found.answer), (TurnResult::SignInAsked, None));
}

proptest! {
    #[test]
    fn nothing_breaks_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..300), like in any::<bool>()) {
        let asked = message::allocate(None).unwrap();
        let mut bytes = bytes;
        if like && bytes.len() >= 20 {
            let length = (bytes.len() - 20) as u16;
            let class = if bytes[19] & 1 == 0 { 0x01 } else { 0x11 };
            bytes[..2].copy_from_slice(&[1, class | 2]);
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..20].copy_from_slice(&asked.bytes[4..20]);
        }
        asked.answered_by(&bytes, None);
        message::packet_from(&bytes, "192.0.2.1:5".parse().unwrap());
    }
}
