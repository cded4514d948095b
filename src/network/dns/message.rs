//! A question in the DNS's form, and whether some bytes answer it.

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType as WireType},
};
use telemetry::{DnsAnswer, RecordType};

/// A name that cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name that the DNS can be asked for")]
pub struct BadName;

/// One question with its id.
#[derive(Debug, Clone)]
pub struct Question {
    id: u16,
    query: Query,
    bytes: Vec<u8>,
}

/// What some bytes are to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Its answer.
    Answer(DnsAnswer),
    /// Its answer, cut short: to be asked again over TCP.
    Truncated,
    /// Something else: another id, another question, no DNS message.
    NotOurs,
}

impl Question {
    /// A question for a whole name. The id should be random: it is what tells a forged answer.
    pub fn new(id: u16, name: &str, record: RecordType) -> Result<Self, BadName> {
        let mut name = Name::from_utf8(name).map_err(|_| BadName)?;
        name.set_fqdn(true);
        let wire = match record {
            RecordType::A => WireType::A,
            RecordType::Aaaa => WireType::AAAA,
        };
        let query = Query::query(name, wire);
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        let bytes = message.to_vec().map_err(|_| BadName)?;
        Ok(Self { id, query, bytes })
    }

    /// The question as it is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads bytes that came back.
    pub fn read(&self, bytes: &[u8]) -> Reply {
        let Ok(message) = Message::from_vec(bytes) else { return Reply::NotOurs };
        let header = &message.metadata;
        // A server that could not read the question may leave it out, but only then.
        let repeats = message.queries.as_slice() == [self.query.clone()]
            || (message.queries.is_empty() && header.response_code == ResponseCode::FormErr);
        if header.id != self.id || header.message_type != MessageType::Response || !repeats {
            return Reply::NotOurs;
        }
        if header.truncation {
            return Reply::Truncated;
        }
        Reply::Answer(match header.response_code {
            ResponseCode::NoError
                if message.answers.iter().any(|a| a.record_type() == self.query.query_type()) =>
            {
                DnsAnswer::Answered
            }
            ResponseCode::NoError => DnsAnswer::NoData,
            ResponseCode::NXDomain => DnsAnswer::NoSuchName,
            ResponseCode::Refused => DnsAnswer::Refused,
            _ => DnsAnswer::ServerFailure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{RData, Record, rdata};

    fn question() -> Question {
        Question::new(7, "voice.example", RecordType::A).unwrap()
    }

    fn answer(change: impl FnOnce(&mut Message)) -> Reply {
        let mut message = Message::response(7, OpCode::Query);
        message.add_query(question().query);
        change(&mut message);
        question().read(&message.to_vec().unwrap())
    }

    fn code(code: ResponseCode) -> Reply {
        answer(|m| m.metadata.response_code = code)
    }

    #[test]
    fn codes_are_told_apart() {
        assert_eq!(code(ResponseCode::NoError), Reply::Answer(DnsAnswer::NoData));
        assert_eq!(code(ResponseCode::NXDomain), Reply::Answer(DnsAnswer::NoSuchName));
        assert_eq!(code(ResponseCode::Refused), Reply::Answer(DnsAnswer::Refused));
        assert_eq!(code(ResponseCode::ServFail), Reply::Answer(DnsAnswer::ServerFailure));
        assert_eq!(code(ResponseCode::NotImp), Reply::Answer(DnsAnswer::ServerFailure));
        assert_eq!(answer(|m| m.metadata.truncation = true), Reply::Truncated);
    }

    #[test]
    fn only_a_record_of_the_type_is_an_answer() {
        let name = || Name::from_ascii("voice.example.").unwrap();
        let alias = RData::CNAME(rdata::CNAME(Name::from_ascii("x.example.").unwrap()));
        let address = RData::A(rdata::A::new(203, 0, 113, 9));
        let with = |data| {
            answer(|m| {
                m.add_answer(Record::from_rdata(name(), 60, data));
            })
        };
        assert_eq!(with(alias), Reply::Answer(DnsAnswer::NoData));
        assert_eq!(with(address), Reply::Answer(DnsAnswer::Answered));
    }

    #[test]
    fn what_does_not_repeat_id_and_question_is_not_ours() {
        assert_eq!(answer(|m| m.metadata.id = 8), Reply::NotOurs);
        assert_eq!(answer(|m| m.metadata.message_type = MessageType::Query), Reply::NotOurs);
        assert_eq!(answer(|m| m.queries.clear()), Reply::NotOurs);
        let other = Question::new(7, "other.example", RecordType::A).unwrap();
        assert_eq!(answer(|m| m.queries = vec![other.query]), Reply::NotOurs);
        let aaaa = Question::new(7, "voice.example", RecordType::Aaaa).unwrap();
        assert_eq!(answer(|m| m.queries = vec![aaaa.query]), Reply::NotOurs);
        assert_eq!(question().read(question().bytes()), Reply::NotOurs);
        let unreadable = answer(|m| {
            m.queries.clear();
            m.metadata.response_code = ResponseCode::FormErr;
        });
        assert_eq!(unreadable, Reply::Answer(DnsAnswer::ServerFailure));
    }

    #[test]
    fn names() {
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", long.as_str(), "a b.example"] {
            // What the DNS cannot carry is refused; what it can is asked, however odd.
            let made = Question::new(1, bad, RecordType::A);
            assert!(made.is_err() || !made.unwrap().bytes().is_empty(), "{bad}");
        }
        assert!(Question::new(1, &long, RecordType::A).is_err());
        let bytes = question().bytes().to_vec();
        assert_eq!(bytes[..12], [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[12..], b"\x05voice\x07example\x00\x00\x01\x00\x01");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(mut bytes in proptest::collection::vec(0u8..=255, 0..600), framed: bool) {
            if framed {
                let mut whole = question().bytes().to_vec();
                whole[2] = 0x81;
                whole[7] = bytes.first().copied().unwrap_or(0);
                whole.append(&mut bytes);
                bytes = whole;
            }
            question().read(&bytes);
        }
    }
}
