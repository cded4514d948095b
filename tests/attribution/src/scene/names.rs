//! Resolvers, and the names of the lab.

use super::threads::{PATIENCE, Threads};
use crate::case::Family;
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, RecordType, rdata},
};
use netshape::{Lab, Place};
use std::net::{SocketAddr, UdpSocket};

/// The collector, with a reflector: the first server.
pub const COLLECTOR: &str = "collector.example";
/// A reflector at the second server.
pub const VOICE: &str = "voice.example";
/// A web service at the second server.
pub const APP: &str = "app.example";
/// What answers 204 and nothing else, at the second server.
pub const OPEN: &str = "open.example";

/// Starts a resolver at this address.
pub fn serve(
    threads: &mut Threads,
    lab: &Lab,
    place: Place,
    at: SocketAddr,
    family: Family,
) -> anyhow::Result<()> {
    let socket = lab.inside(place, || UdpSocket::bind(at))??;
    socket.set_read_timeout(Some(PATIENCE))?;
    threads.start("resolver", move |over| {
        let mut query = [0; 2048];
        while !over.is() {
            let Ok((length, from)) = socket.recv_from(&mut query) else { continue };
            let Some(answer) = answer(&query[..length], family) else { continue };
            // A desk that went away needs no answer.
            let _ = socket.send_to(&answer, from);
        }
    })?;
    Ok(())
}

/// The answer to a query, if it is one.
fn answer(query: &[u8], family: Family) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(query).ok()?;
    let asked = message.queries.first()?.clone();
    message.metadata.message_type = MessageType::Response;
    message.additionals.clear();
    message.edns = None;
    let name = asked.name().to_ascii().to_ascii_lowercase();
    let (v4, v6) = match name.trim_end_matches('.') {
        COLLECTOR => (Lab::SERVER_V4, Lab::SERVER_V6),
        VOICE | APP | OPEN => (Lab::SECOND_V4, Lab::SECOND_V6),
        _ => {
            message.metadata.response_code = ResponseCode::NXDomain;
            return message.to_vec().ok();
        }
    };
    let data = match (asked.query_type(), family) {
        (RecordType::A, Family::Ipv4) => Some(RData::A(rdata::A(v4.parse().ok()?))),
        (RecordType::AAAA, Family::Ipv6) => Some(RData::AAAA(rdata::AAAA(v6.parse().ok()?))),
        _ => None,
    };
    if let Some(data) = data {
        message.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
    }
    message.to_vec().ok()
}
