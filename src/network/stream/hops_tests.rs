//! What is believed of what is said on the way.

use super::*;
use crate::network::{stream::ledger::Sent, timing::Moment};
use std::time::{Duration, Instant};

const NONCE: [u8; 8] = [7; 8];
const SECOND: u64 = 1_000_000_000;

/// So many packets, 10 ms apart, none of them answered.
fn sent(count: usize) -> (Hops, Ledger, Vec<([u8; LENGTH], u8)>) {
    let (mut hops, mut ledger) = (Hops::new("192.168.1.7".parse().ok(), NONCE, None), Ledger::default());
    let begin = Instant::now();
    let packets = (0..count)
        .map(|n| {
            let packet = hops.next(&BTreeMap::new());
            let instant = begin + Duration::from_millis(10 * n as u64);
            let now = Moment { instant, wall: SECOND + 10_000_000 * n as u64 };
            ledger.hop_sent(Sent::new(instant, now, begin), true);
            packet
        })
        .collect();
    (hops, ledger, packets)
}

fn expired<'a>(from: &str, at: u64, quoted: &'a [u8]) -> Complaint<'a> {
    Complaint { says: Says::Expired, from: from.parse().unwrap(), at: Some(at), quoted }
}

#[test]
fn an_answer_finds_its_packet_by_what_it_quotes() {
    let (mut hops, ledger, packets) = sent(12);
    hops.heard(&expired("192.168.1.1", SECOND + 3_000_000, &packets[0].0), &ledger, 0);
    hops.heard(&expired("192.168.1.1", SECOND + 9_000_000, &packets[0].0), &ledger, 0);
    let sampled = hops.sampled(&ledger);
    assert_eq!((sampled[&1].sent, sampled[&1].answered), (2, 1), "twice is once");
    assert_eq!(sampled[&1].times, [3.0]);
    assert_eq!(hops.seen()[&1], "192.168.1.1".parse::<IpAddr>().unwrap());
}

#[test]
fn what_is_not_ours_is_not_believed() {
    let (mut hops, ledger, packets) = sent(12);
    let mut forged = packets[0].0;
    forged[3] ^= 1;
    let beyond = [&NONCE[..], &9_999u32.to_be_bytes()].concat();
    for quoted in [&forged[..], &[0; 172], &beyond, &packets[0].0[..9]] {
        hops.heard(&expired("203.0.113.66", SECOND, quoted), &ledger, 0);
    }
    hops.heard(&expired("192.168.1.7", SECOND, &packets[0].0), &ledger, 0);
    assert!(hops.seen().is_empty(), "{:?}", hops.seen());
}

#[test]
fn one_word_of_refusal_may_be_chance_and_this_computers_own_is_none() {
    let (mut hops, ledger, _) = sent(1);
    let refused = |from: &str| Complaint { says: Says::Refused, ..expired(from, SECOND, &[]) };
    hops.heard(&refused("203.0.113.9"), &ledger, 0);
    assert_eq!(hops.refused_by(), None);
    hops.heard(&refused("203.0.113.9"), &ledger, 0);
    (0..3).for_each(|_| hops.heard(&refused("192.168.1.7"), &ledger, 0));
    assert_eq!(hops.refused_by(), "203.0.113.9".parse().ok());
    assert_eq!(hops.dead_end(), None);
}

#[test]
fn without_a_quote_only_what_is_sure_is_taken() {
    let (mut hops, ledger, packets) = sent(7);
    // Seven packets may be meant, of six distances.
    hops.heard(&expired("192.168.1.1", SECOND + 61_000_000, &[]), &ledger, 0);
    assert!(hops.seen().is_empty());
    // Once it is known who is one hop away, only one packet is left.
    hops.heard(&expired("192.168.1.1", SECOND + 1_000_000, &packets[0].0), &ledger, 0);
    hops.heard(&expired("192.168.1.1", SECOND + 61_000_000, &[]), &ledger, 0);
    assert_eq!(
        (hops.sampled(&ledger)[&1].answered, &hops.sampled(&ledger)[&1].times[..]),
        (2, &[1.0, 1.0][..])
    );
    // Long ago is another's.
    hops.heard(&expired("192.168.1.1", SECOND * 9, &[]), &ledger, 0);
    assert_eq!(hops.sampled(&ledger)[&1].answered, 2);
}

#[test]
fn most_packets_go_where_the_fault_is_told() {
    let kinds = BTreeMap::from([(1, PathPoint::Gateway), (3, PathPoint::Provider), (4, PathPoint::Beyond)]);
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for number in 100..1_100 {
        *counts.entry(distance(number, FARTHEST, &kinds)).or_default() += 1;
    }
    assert!(counts[&1] >= 300 && counts[&3] >= 400 && counts[&4] >= 200, "{counts:?}");
    assert!(counts.keys().all(|hops| (1..=FARTHEST).contains(hops)));
    let first: Vec<u8> = (0..6).map(|n| distance(n, FARTHEST, &kinds)).collect();
    assert_eq!(first, [1, 2, 3, 4, 5, 6]);
    // Two routers, and behind them the target.
    let near = BTreeMap::from([(1, PathPoint::Gateway), (2, PathPoint::Provider)]);
    assert!((0..1_000).all(|n| (1..=2).contains(&distance(n, 2, &near))));
}
