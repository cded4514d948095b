//! The packets against the layout of the RFCs, against hostile bytes, and both ways.

use proptest::prelude::*;
use stamp::{
    BASE, ClassOfService, ErrorEstimate, Kind, Malformed, Reply, Request, Seen, StampError, Timestamp, Tlvs,
    reflect, set_sent,
};

const REQUEST: Request = Request {
    sequence: 0x0102_0304,
    sent: Timestamp(0x1112_1314_1516_1718),
    error: ErrorEstimate::UNSYNCHRONIZED,
    ssid: 0xbeef,
};

const SEEN: Seen = Seen {
    sequence: 7,
    received: Timestamp(0x2122_2324_2526_2728),
    error: ErrorEstimate::UNSYNCHRONIZED,
    ttl: 61,
    traffic_class: Some(46 << 2 | 1),
};

#[test]
fn a_request_lies_as_rfc_8762_and_8972_say() {
    let mut packet = [0xff; 172];
    REQUEST.write(&mut packet, 46).unwrap();
    assert_eq!(
        packet[..16],
        [1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x16, 1, 0xbe, 0xef]
    );
    assert!(packet[16..44].iter().all(|&b| b == 0), "must be zero");
    // Class of Service: U set, type 4, length 4, DSCP1 46 in the six upper bits.
    assert_eq!(packet[44..52], [0x80, 4, 0, 4, 46 << 2, 0, 0, 0]);
    // Extra Padding over the rest: 172 − 52 − 4 = 116.
    assert_eq!(packet[52..56], [0x80, 1, 0, 116]);
    assert!(packet[56..].iter().all(|&b| b == 0));
    assert_eq!(Request::read(&packet).unwrap(), REQUEST);
}

#[test]
fn a_reply_lies_as_rfc_8762_says() {
    let mut packet = [0; 172];
    REQUEST.write(&mut packet, 46).unwrap();
    assert_eq!(reflect(&mut packet, &REQUEST, &SEEN).unwrap(), 46);
    set_sent(&mut packet, Timestamp(0x3132_3334_3536_3738));
    assert_eq!(packet[0..4], [0, 0, 0, 7]);
    assert_eq!(packet[4..12], [0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38]);
    assert_eq!(packet[12..16], [0x16, 1, 0xbe, 0xef]);
    assert_eq!(packet[16..24], [0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28]);
    assert_eq!(packet[24..28], [1, 2, 3, 4]);
    assert_eq!(packet[28..36], [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
    assert_eq!(packet[36..44], [0x16, 1, 0, 0, 61, 0, 0, 0]);
    let reply = Reply::read(&packet).unwrap();
    assert_eq!((reply.sequence, reply.sender_sequence, reply.sender_ttl), (7, REQUEST.sequence, 61));
    let cos = Reply::class_of_service(&packet).unwrap();
    assert_eq!(cos, ClassOfService { asked: 46, seen: 46, ecn: 1, refused: false });
}

#[test]
fn a_reply_is_no_request() {
    let mut packet = [0; 172];
    REQUEST.write(&mut packet, 46).unwrap();
    reflect(&mut packet, &REQUEST, &SEEN).unwrap();
    assert_eq!(Request::read(&packet), Err(StampError::NotARequest), "two reflectors must not talk for ever");
}

#[test]
fn lengths_that_cannot_be_are_refused_with_their_reason() {
    let write = |n| REQUEST.write(&mut vec![0; n], 0);
    assert_eq!(write(43), Err(StampError::Short { what: "request", need: 44, have: 43 }));
    assert_eq!(write(44), Ok(()));
    assert!(matches!(write(45), Err(StampError::Padding { wanted: 45, .. })));
    assert_eq!(write(52), Ok(()));
    assert!(matches!(write(55), Err(StampError::Padding { .. })));
    assert_eq!(write(56), Ok(()));
    assert_eq!(write(52 + 4 + 65_535), Ok(()));
    assert!(matches!(write(52 + 4 + 65_536), Err(StampError::Padding { .. })));
}

#[test]
fn what_a_reflector_does_not_know_it_says_so() {
    let mut packet = [0; 64];
    REQUEST.write(&mut packet[..52], 46).unwrap();
    packet[52..64].copy_from_slice(&[0, 8, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9]); // an HMAC TLV, too short at that
    reflect(&mut packet, &REQUEST, &SEEN).unwrap();
    assert_eq!(packet[44] & 0xe0, 0, "Class of Service was understood");
    assert_eq!(packet[52..64], [0x80, 8, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9], "answered U, value untouched");
}

#[test]
fn a_reflector_that_cannot_see_the_class_does_not_invent_it() {
    let mut packet = [0; 172];
    REQUEST.write(&mut packet, 46).unwrap();
    reflect(&mut packet, &REQUEST, &Seen { traffic_class: None, ..SEEN }).unwrap();
    assert_eq!(Reply::class_of_service(&packet), None);
}

#[test]
fn behind_a_malformed_tlv_nothing_is_touched() {
    let mut packet = [0; 64];
    REQUEST.write(&mut packet[..44], 0).unwrap();
    packet[44..52].copy_from_slice(&[0x80, 4, 0, 3, 1, 2, 3, 0x80]); // Class of Service of three bytes
    packet[51..64].copy_from_slice(&[0x80, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    reflect(&mut packet, &REQUEST, &SEEN).unwrap();
    assert_eq!(packet[44], 0x40, "M");
    assert_eq!(packet[51..59], [0x80, 4, 0, 4, 0, 0, 0, 0]);
    let cut: Vec<_> = Tlvs::new(&[0x80, 1, 0, 9, 0]).collect();
    assert_eq!(cut, [Err(Malformed { at: 0 })]);
}

#[test]
fn plain_padding_of_an_older_sender_comes_back_as_it_was() {
    let mut packet = [0; 172];
    REQUEST.write(&mut packet[..44], 0).unwrap();
    reflect(&mut packet, &REQUEST, &SEEN).unwrap();
    assert!(packet[44..].iter().all(|&b| b == 0));
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_never_grow(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), zero: bool) {
        if zero && bytes.len() >= BASE {
            bytes[16..44].fill(0);
        }
        let _ = Reply::read(&bytes);
        let _ = Reply::class_of_service(&bytes);
        let tlvs: usize = Tlvs::new(bytes.get(BASE..).unwrap_or(&[])).flatten().map(|t| t.value.len() + 4).sum();
        prop_assert!(tlvs <= bytes.len());
        if let Ok(request) = Request::read(&bytes) {
            let before = bytes.clone();
            reflect(&mut bytes, &request, &SEEN).unwrap();
            set_sent(&mut bytes, Timestamp(1));
            let reply = Reply::read(&bytes).unwrap();
            prop_assert_eq!(reply.sender_sequence, request.sequence);
            prop_assert_eq!(reply.ssid, request.ssid);
            // Types and lengths of the TLVs are the sender's; only flags and one value are ours.
            let kinds = |b: &[u8]| Tlvs::new(&b[BASE..]).flatten().map(|t| (t.at, t.kind, t.value.len())).collect::<Vec<_>>();
            prop_assert_eq!(kinds(&before), kinds(&bytes));
        }
    }

    #[test]
    fn requests_come_back(sequence: u32, sent: u64, error: u16, ssid: u16, dscp in 0u8..64, extra in 0usize..1400) {
        let request = Request { sequence, sent: Timestamp(sent), error: ErrorEstimate::from_bits(error), ssid };
        let mut packet = vec![0xaa; 56 + extra];
        request.write(&mut packet, dscp).unwrap();
        prop_assert_eq!(Request::read(&packet).unwrap(), request);
        let tlvs: Vec<_> = Tlvs::new(&packet[BASE..]).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(tlvs.len(), 2);
        prop_assert_eq!((tlvs[0].kind, tlvs[1].kind), (Kind::ClassOfService, Kind::Padding));
        prop_assert!(tlvs.iter().all(|t| t.flags.unrecognized));
    }

    #[test]
    fn replies_come_back(sequence: u32, times: [u64; 3], errors: [u16; 2], ssid: u16, sender_sequence: u32, sender_ttl: u8) {
        let reply = Reply {
            sequence, sent: Timestamp(times[0]), error: ErrorEstimate::from_bits(errors[0]), ssid,
            received: Timestamp(times[1]), sender_sequence, sender_sent: Timestamp(times[2]),
            sender_error: ErrorEstimate::from_bits(errors[1]), sender_ttl,
        };
        let mut packet = [0; BASE];
        reply.write(&mut packet).unwrap();
        prop_assert_eq!(Reply::read(&packet).unwrap(), reply);
    }

    #[test]
    fn classes_come_back(asked in 0u8..64, seen in 0u8..64, ecn in 0u8..4, refused: bool) {
        let cos = ClassOfService { asked, seen, ecn, refused };
        prop_assert_eq!(ClassOfService::read(&cos.value()), Some(cos));
    }
}
