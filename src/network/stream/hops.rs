//! Packets of the stream's own flow that die on the way, and who says so.
//!
//! They share addresses and ports with the stream, so that whatever chooses a way by them sends all of them the same
//! way. They are too short to be STAMP packets, take no sequence number, and so cannot count as lost anywhere. What is
//! said of them is believed if it quotes what only we and the way know.

use super::ledger::Ledger;
use crate::network::path::Sampled;
use datagram::{Complaint, Says};
use std::{collections::BTreeMap, net::IpAddr};
use telemetry::PathPoint;

/// Less than the 44 bytes of a STAMP packet (RFC 8762): no reflector takes it for one.
const LENGTH: usize = 40;
/// So far routers are looked for: a provider's first one is the fourth at most in any home that we know of.
const FARTHEST: u8 = 6;
/// How often each distance is tried before those that matter are chosen.
const ROUNDS: usize = 4;
/// An answer that quotes nothing can only be for a packet sent in the last second.
const LATEST_NS: u64 = 1_000_000_000;

/// The packets and what was said of them.
#[derive(Debug, Clone)]
pub(super) struct Hops {
    nonce: [u8; 8],
    /// In the order of the ledger's.
    probes: Vec<Probe>,
    own: Option<IpAddr>,
    /// So far they go at most.
    farthest: u8,
    refused: BTreeMap<IpAddr, u32>,
    no_way: BTreeMap<IpAddr, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    hops: u8,
    heard: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    from: IpAddr,
    /// None where it is not sure enough which packet it is about to take a time.
    at: Option<u64>,
}

impl Hops {
    /// `routers` are on the way to the target, if that is known: none of the packets reaches it then.
    pub(super) fn new(own: Option<IpAddr>, nonce: [u8; 8], routers: Option<u8>) -> Self {
        let farthest = routers.unwrap_or(FARTHEST).clamp(1, FARTHEST);
        Self { nonce, probes: Vec::new(), own, farthest, refused: BTreeMap::new(), no_way: BTreeMap::new() }
    }

    /// The next packet and how far it may go; `kinds` is what is known by now.
    pub(super) fn next(&mut self, kinds: &BTreeMap<u8, PathPoint>) -> ([u8; LENGTH], u8) {
        let number = self.probes.len();
        let hops = distance(number, self.farthest, kinds);
        let mut packet = [0; LENGTH];
        packet[..8].copy_from_slice(&self.nonce);
        packet[8..12].copy_from_slice(&(number as u32).to_be_bytes());
        self.probes.push(Probe { hops, heard: None });
        (packet, hops)
    }

    /// Somebody said something of a packet; `now` is the wall clock.
    pub(super) fn heard(&mut self, complaint: &Complaint<'_>, ledger: &Ledger, now: u64) {
        let Complaint { says, from, at, quoted } = *complaint;
        // What this computer says itself, as when nobody answers on the link, is no router's word.
        if Some(from) == self.own {
            return;
        }
        match says {
            Says::Expired => self.expired(from, at.unwrap_or(now), quoted, ledger),
            Says::Refused => *self.refused.entry(from).or_default() += 1,
            Says::NoWay => *self.no_way.entry(from).or_default() += 1,
            Says::Other => {}
        }
    }

    fn expired(&mut self, from: IpAddr, at: u64, quoted: &[u8], ledger: &Ledger) {
        let number = match quoted.split_first_chunk::<8>() {
            Some((nonce, rest)) => match rest.first_chunk::<4>() {
                Some(number) if *nonce == self.nonce => u32::from_be_bytes(*number) as usize,
                // Of another packet, or made up.
                _ => return,
            },
            None => return self.unquoted(from, at, ledger),
        };
        if let Some(probe) = self.probes.get_mut(number).filter(|p| p.heard.is_none()) {
            probe.heard = Some(Heard { from, at: Some(at) });
        }
    }

    /// Some routers quote the packet's head only. If just one packet can be meant, it is that one; if several of one
    /// distance can, one of them was answered, and it is not known when it was sent.
    fn unquoted(&mut self, from: IpAddr, at: u64, ledger: &Ledger) {
        let known = self.seen().into_iter().find(|(_, who)| *who == from).map(|(hops, _)| hops);
        let may = |(number, probe): &(usize, &Probe)| {
            let sent = ledger.hops().get(*number).map_or(0, |s| s.wall);
            probe.heard.is_none()
                && known.is_none_or(|hops| hops == probe.hops)
                && (sent..sent + LATEST_NS).contains(&at)
        };
        let meant: Vec<(usize, u8)> =
            self.probes.iter().enumerate().filter(may).map(|(n, p)| (n, p.hops)).collect();
        let Some(&(first, hops)) = meant.first() else { return };
        if meant.iter().all(|m| m.1 == hops) {
            let at = (meant.len() == 1).then_some(at);
            self.probes[first].heard = Some(Heard { from, at });
        }
    }

    /// Who answered at each distance: of several the one who did most often.
    pub(super) fn seen(&self) -> BTreeMap<u8, IpAddr> {
        let mut counts: BTreeMap<(u8, IpAddr), usize> = BTreeMap::new();
        for probe in &self.probes {
            if let Some(heard) = probe.heard {
                *counts.entry((probe.hops, heard.from)).or_default() += 1;
            }
        }
        let mut seen: BTreeMap<u8, (usize, IpAddr)> = BTreeMap::new();
        for ((hops, from), count) in counts {
            let most = seen.entry(hops).or_insert((count, from));
            *most = (*most).max((count, from));
        }
        seen.into_iter().map(|(hops, (_, from))| (hops, from)).collect()
    }

    /// What became of the packets for each distance.
    pub(super) fn sampled(&self, ledger: &Ledger) -> BTreeMap<u8, Sampled> {
        let mut all: BTreeMap<u8, Sampled> = BTreeMap::new();
        let seen = self.seen();
        for (probe, sent) in self.probes.iter().zip(ledger.hops()) {
            let sampled = all.entry(probe.hops).or_default();
            sampled.sent += 1;
            sampled.from = seen.get(&probe.hops).copied();
            let Some(heard) = probe.heard else { continue };
            sampled.answered += 1;
            let left = sent.kernel.unwrap_or(sent.wall);
            sampled.times.extend(heard.at.and_then(|at| at.checked_sub(left)).map(|ns| ns as f64 / 1e6));
        }
        all
    }

    /// Who said more than once that the stream is not let through.
    pub(super) fn refused_by(&self) -> Option<IpAddr> {
        most(&self.refused)
    }

    /// Who said more than once that there is no way further.
    pub(super) fn dead_end(&self) -> Option<IpAddr> {
        most(&self.no_way)
    }
}

fn most(said: &BTreeMap<IpAddr, u32>) -> Option<IpAddr> {
    said.iter().filter(|(_, times)| **times > 1).max_by_key(|(_, times)| **times).map(|(from, _)| *from)
}

/// How far a packet goes: first each distance in turn; then most to the router and to the provider's first, of which
/// the fault is told, some to the others, and some on to where nobody answered yet.
fn distance(number: usize, farthest: u8, kinds: &BTreeMap<u8, PathPoint>) -> u8 {
    if number < ROUNDS * usize::from(farthest) {
        return (number % usize::from(farthest)) as u8 + 1;
    }
    let of = |point| kinds.iter().find(|(_, p)| **p == point).map(|(hops, _)| *hops);
    let others: Vec<u8> = [PathPoint::InnerRouter, PathPoint::Beyond].into_iter().filter_map(of).collect();
    let turn = number / 10;
    let exploring = (turn % usize::from(farthest)) as u8 + 1;
    let chosen = match number % 10 {
        0 | 3 | 6 => 1,
        1 | 4 | 7 | 9 => of(PathPoint::Provider).unwrap_or(2),
        2 | 5 if !others.is_empty() => others[turn % others.len()],
        2 => of(PathPoint::Provider).unwrap_or(3),
        5 => 1,
        _ => exploring,
    };
    chosen.min(farthest)
}

#[cfg(test)]
#[path = "hops_tests.rs"]
mod tests;
