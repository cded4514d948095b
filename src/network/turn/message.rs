//! The messages of TURN that a look at a relay needs: written and read, no connection.

use super::Credentials;
use std::net::SocketAddr;
use stun_types::{
    attribute::{ErrorCode, Nonce, Realm, Username},
    message::{
        IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
        MessageWrite as _, MessageWriteExt as _, MessageWriteVec, Method, StunWriteError, TransactionId,
    },
};
use turn_types::{
    attribute::{Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress},
    message::{ALLOCATE, CREATE_PERMISSION, DATA, REFRESH, SEND},
};

/// The protocol number of UDP.
const UDP: u8 = 17;
/// A relay's challenge, as long as RFC 8489 (sections 14.9 and 14.10) lets it be; longer is not repeated to anybody.
const CHALLENGE: usize = 763;

/// What a relay wants a request to be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
}

/// What requests are signed with.
#[derive(Clone)]
pub struct Auth {
    username: String,
    password: String,
    challenge: Challenge,
}

impl Auth {
    /// With these credentials, as the relay asked.
    pub fn new(credentials: &Credentials, challenge: Challenge) -> Self {
        Self { username: credentials.username.clone(), password: credentials.password.to_string(), challenge }
    }

    /// From now on as the relay asks now.
    pub fn renew(&mut self, challenge: Challenge) {
        self.challenge = challenge;
    }

    fn key(&self) -> MessageIntegrityCredentials {
        let realm = self.challenge.realm.clone();
        LongTermKeyCredentials::new(self.username.clone(), self.password.clone(), realm).into()
    }
}

/// A request that can be sent.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its bytes.
    pub bytes: Vec<u8>,
    id: TransactionId,
    method: Method,
    signed: bool,
}

/// What a relay answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Success {
        /// The address that the relay gave, if it was asked for one.
        relayed: Option<SocketAddr>,
    },
    /// Not done.
    Refusal {
        /// The error's number.
        code: u16,
        /// What to sign with, if it says so.
        challenge: Option<Challenge>,
    },
}

/// Asks for an address.
pub fn allocate(auth: Option<&Auth>) -> Result<Asked, StunWriteError> {
    request(ALLOCATE, auth, |message, _| message.add_attribute(&RequestedTransport::new(UDP)))
}

/// Lets packets of that address come through.
pub fn permission(peer: SocketAddr, auth: Option<&Auth>) -> Result<Asked, StunWriteError> {
    request(CREATE_PERMISSION, auth, |message, id| message.add_attribute(&XorPeerAddress::new(peer, id)))
}

/// Gives the address back.
pub fn release(auth: Option<&Auth>) -> Result<Asked, StunWriteError> {
    request(REFRESH, auth, |message, _| message.add_attribute(&Lifetime::new(0)))
}

/// A packet for the relay to pass on.
pub fn packet_to(peer: SocketAddr, data: &[u8]) -> Result<Vec<u8>, StunWriteError> {
    let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
    let id = message.transaction_id();
    message.add_attribute(&XorPeerAddress::new(peer, id))?;
    message.add_attribute(&Data::new(data))?;
    Ok(message.finish())
}

/// What the relay passed on from that address; `None` if it is something else.
pub fn packet_from(bytes: &[u8], peer: SocketAddr) -> Option<Vec<u8>> {
    let message = Message::from_bytes(bytes).ok()?;
    if !message.has_class(MessageClass::Indication) || !message.has_method(DATA) {
        return None;
    }
    let from = message.attribute::<XorPeerAddress>().ok()?.addr(message.transaction_id());
    (from == peer).then(|| message.attribute::<Data<'_>>().ok().map(|d| d.data().to_vec()))?
}

fn request(
    method: Method,
    auth: Option<&Auth>,
    what: impl FnOnce(&mut MessageWriteVec, TransactionId) -> Result<(), StunWriteError>,
) -> Result<Asked, StunWriteError> {
    let mut message = Message::builder_request(method, MessageWriteVec::new());
    let id = message.transaction_id();
    what(&mut message, id)?;
    if let Some(auth) = auth {
        message.add_attribute(&Username::new(&auth.username)?)?;
        message.add_attribute(&Realm::new(&auth.challenge.realm)?)?;
        message.add_attribute(&Nonce::new(&auth.challenge.nonce)?)?;
        message.add_message_integrity(&auth.key(), IntegrityAlgorithm::Sha1)?;
    }
    Ok(Asked { bytes: message.finish(), id, method, signed: auth.is_some() })
}

impl Asked {
    /// What these bytes answer to this request; `None` if they do not. To a signed request only a signed success
    /// is one: who does not know the password is not the relay that the credentials are for.
    pub fn answered_by(&self, bytes: &[u8], auth: Option<&Auth>) -> Option<Answer> {
        let message = Message::from_bytes(bytes).ok()?;
        if message.transaction_id() != self.id || !message.has_method(self.method) {
            return None;
        }
        if message.has_class(MessageClass::Success) {
            if self.signed {
                message.validate_integrity(&auth?.key()).ok()?;
            }
            let relayed = message.attribute::<XorRelayedAddress>().ok().map(|a| a.addr(self.id));
            return Some(Answer::Success { relayed });
        }
        if !message.has_class(MessageClass::Error) {
            return None;
        }
        let code = message.attribute::<ErrorCode>().ok()?.code();
        let realm = message.attribute::<Realm>().ok().map(|r| r.realm().to_owned());
        let nonce = message.attribute::<Nonce>().ok().map(|n| n.nonce().to_owned());
        let challenge = realm
            .zip(nonce)
            .filter(|(realm, nonce)| realm.len() <= CHALLENGE && nonce.len() <= CHALLENGE)
            .map(|(realm, nonce)| Challenge { realm, nonce });
        Some(Answer::Refusal { code, challenge })
    }
}
