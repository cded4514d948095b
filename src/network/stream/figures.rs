//! From what was seen of each packet to what a call would experience. Pure.

use super::{
    INTERVAL, PAYLOAD,
    ledger::{Answer, Ledger, Sent},
};
use crate::network::{
    emodel,
    path::Sampled,
    statistics::{burst_ratio, ipdv_mean, least, mean, pdv, quantile, reordered, rfc3550_jitter, wilson},
};
use telemetry::{BitRate, Codec, LossInterval, Media, Millis, Mos, Percent, Ratio, TimestampQuality};

/// The buffer behind which quality is estimated: what comes later than this after the fastest packet is
/// too late to be heard.
const JITTER_BUFFER_MS: f64 = 60.0;
/// A packet is full of speech before it leaves.
const PACKET_MS: f64 = INTERVAL.as_millis() as f64;
/// Kernel stamps are used if at least this share of packets has them: a mixture would read as jitter.
const ENOUGH_STAMPED: f64 = 0.9;
/// If the wall clock moved by more than this against the monotonic one while a packet was under way, it
/// was set, and says nothing about that packet.
const CLOCK_SET_NS: u64 = 2_000_000;

/// What the stream experienced.
pub(super) fn media(ledger: &Ledger, dscp_sent: u8, v6: bool, codec: Codec) -> Media {
    let sent = ledger.stream();
    let answers: Vec<&Answer> =
        ledger.answers().iter().filter(|a| (a.sequence as usize) < sent.len()).collect();
    let first = first_answers(sent.len(), &answers);
    let packets = Packets::new(sent, &first);
    let received = first.iter().flatten().count();
    let reflected = reflected(ledger, sent.len(), &answers, received);

    let round_trips: Vec<f64> = packets.round_trips.iter().flatten().copied().collect();
    let in_order = in_order_of_arrival(&answers);
    let delays: Vec<f64> = in_order.iter().filter_map(|&n| packets.round_trips[n as usize]).collect();
    let late = packets.late();
    let heard: Vec<bool> = first.iter().zip(&late).map(|(a, late)| a.is_some() && !late.any()).collect();
    let burst = burst_ratio(&heard);

    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 };
    let (lost_forward, lost_reverse) = (sent.len() - reflected, reflected - received);
    let (low, high) = wilson(sent.len() - received, sent.len());
    let mos = least(&round_trips).map(|fastest| {
        // Each end of a call hears one direction; the call is as good as the worse of the two.
        let late_in = |direction: fn(&Late) -> bool| late.iter().filter(|l| direction(l)).count();
        let losses = [
            share(lost_forward + late_in(|l| l.forward), sent.len()),
            share(lost_reverse + late_in(|l| l.reverse), reflected),
        ];
        let path = emodel::Path {
            delay_ms: fastest / 2.0 + PACKET_MS + JITTER_BUFFER_MS,
            loss_percent: losses[0].max(losses[1]),
            burst_ratio: burst,
        };
        emodel::estimate(codec, path)
    });
    let millis = |value: Option<f64>| value.map(Millis::new);

    Media {
        sent: sent.len() as u32,
        reflected: reflected as u32,
        received: received as u32,
        rtt_min: millis(least(&round_trips)),
        rtt_mean: millis(mean(&round_trips)),
        rtt_p95: millis(quantile(&round_trips, 0.95)),
        ipdv_mean: millis(ipdv_mean(&packets.round_trips)),
        pdv: millis(pdv(&round_trips)),
        jitter: millis(rfc3550_jitter(&delays)),
        loss_forward: Percent::new(share(lost_forward, sent.len())),
        loss_reverse: Percent::new(share(lost_reverse, reflected)),
        loss_interval: LossInterval { low: Percent::new(100.0 * low), high: Percent::new(100.0 * high) },
        late: Percent::new(share(late.iter().filter(|l| l.any()).count(), sent.len())),
        burst_ratio: Ratio::new(burst),
        reordered: reordered(&in_order) as u32,
        duplicates: (answers.len() - received).min(10_000) as u32,
        dscp_sent,
        dscp_seen: most_frequent(answers.iter().filter_map(|a| a.dscp)),
        mos: mos.map(Mos::new),
        codec,
        jitter_buffer: Millis::new(JITTER_BUFFER_MS),
        send_error_p95: Millis::new(quantile(&packets.send_errors(), 0.95).unwrap_or(0.0)),
        timestamps: packets.quality,
        stall_p95: millis(quantile(&packets.stalls(), 0.95)),
        duration: Millis::new(ms(sent.last().map_or(0, |last| last.user)) + PACKET_MS),
        rate: BitRate::new(rate(v6)),
    }
}

/// What became of the packets from this one on, and their burst ratio.
pub(super) fn since(ledger: &Ledger, from: usize) -> (Sampled, f64) {
    let sent = ledger.stream().get(from..).unwrap_or_default();
    let mut first: Vec<Option<&Answer>> = vec![None; sent.len()];
    for answer in ledger.answers() {
        let place = (answer.sequence as usize).checked_sub(from).and_then(|n| first.get_mut(n));
        if let Some(place) = place {
            place.get_or_insert(answer);
        }
    }
    let came: Vec<bool> = first.iter().map(Option::is_some).collect();
    let times: Vec<f64> = Packets::new(sent, &first).round_trips.iter().flatten().copied().collect();
    let answered = came.iter().filter(|came| **came).count();
    (Sampled { sent: sent.len(), answered, times, from: None }, burst_ratio(&came))
}

/// How much later than due each packet left, in milliseconds.
pub(super) fn send_errors(ledger: &Ledger) -> Vec<f64> {
    let sent = ledger.stream();
    let answers: Vec<&Answer> =
        ledger.answers().iter().filter(|a| (a.sequence as usize) < sent.len()).collect();
    Packets::new(sent, &first_answers(sent.len(), &answers)).send_errors()
}

/// The first answer to each packet.
fn first_answers<'a>(packets: usize, answers: &[&'a Answer]) -> Vec<Option<&'a Answer>> {
    let mut first = vec![None; packets];
    for answer in answers {
        first[answer.sequence as usize].get_or_insert(*answer);
    }
    first
}

/// Packets in the order in which they came, each once.
fn in_order_of_arrival(answers: &[&Answer]) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    answers.iter().map(|a| a.sequence).filter(|n| seen.insert(*n)).collect()
}

/// How many packets of the stream reached the reflector. It counts what arrives, duplicates made on the
/// way to it too: those show as two answers to one packet with different counts.
fn reflected(ledger: &Ledger, sent: usize, answers: &[&Answer], received: usize) -> usize {
    let mut counts: Vec<(u32, u32)> = answers.iter().map(|a| (a.sequence, a.count)).collect();
    counts.sort_unstable();
    counts.dedup();
    let twice = counts.chunk_by(|a, b| a.0 == b.0).map(|same| same.len() - 1).sum::<usize>();
    let counted = match ledger.closing_answer() {
        // Of the packets after the stream that got no answer before this one, as many reached the reflector
        // as of the others without an answer: there is no way to know.
        Some((before, count)) => {
            let (missing, guess) = (sent - received, (count as usize).saturating_sub(twice + received));
            let arrived = (before * guess).checked_div(missing + before).unwrap_or(0);
            (count as usize).saturating_sub(arrived)
        }
        None => answers.iter().map(|a| a.count as usize + 1).max().unwrap_or(0),
    };
    // A stateless reflector repeats our own count; one that lies is held to what can be.
    counted.saturating_sub(twice).clamp(received, sent)
}

/// The packets with their times, all by the same kind of clock.
struct Packets<'a> {
    sent: &'a [Sent],
    first: &'a [Option<&'a Answer>],
    quality: TimestampQuality,
    /// In milliseconds without the reflector's turnaround; `None` for what did not come.
    round_trips: Vec<Option<f64>>,
}

/// Whether a packet came too late to be heard, by direction.
#[derive(Debug, Clone, Copy, Default)]
struct Late {
    forward: bool,
    reverse: bool,
}

impl Late {
    fn any(self) -> bool {
        self.forward || self.reverse
    }
}

impl<'a> Packets<'a> {
    fn new(sent: &'a [Sent], first: &'a [Option<&'a Answer>]) -> Self {
        let quality = quality(sent, first);
        let mut packets = Self { sent, first, quality, round_trips: Vec::new() };
        packets.round_trips =
            packets.pairs().map(|pair| pair.and_then(|(s, a)| round_trip(s, a, quality))).collect();
        packets
    }

    fn pairs(&self) -> impl Iterator<Item = Option<(&'a Sent, &'a Answer)>> {
        self.sent.iter().zip(self.first).map(|(s, a)| a.map(|a| (s, a)))
    }

    /// A direction's delay is known but for the difference of two clocks, so it is taken relative to its
    /// own least. The round trip must agree: if the reflector's clock is set, it does not.
    fn late(&self) -> Vec<Late> {
        let origin = self.pairs().flatten().next();
        let delays: Vec<Option<(f64, f64)>> = self
            .pairs()
            .map(|pair| {
                let ((s, a), (s0, a0)) = (pair?, origin?);
                let out = leaving(s, self.quality)?.wrapping_sub(leaving(s0, self.quality)?) as i64;
                let back = coming(a, self.quality)?.wrapping_sub(coming(a0, self.quality)?) as i64;
                let reached = a.reached.nanos_since(a0.reached, a.format);
                // Times of the reflector can be anything; nonsense may come of it, but no overflow.
                let turned = a.turnaround.wrapping_sub(a0.turnaround);
                Some((ms(reached.wrapping_sub(out)), ms(back.wrapping_sub(reached).wrapping_sub(turned))))
            })
            .collect();
        let least_of =
            |pick: fn(&(f64, f64)) -> f64| delays.iter().flatten().map(pick).fold(f64::INFINITY, f64::min);
        let (forward, reverse) = (least_of(|d| d.0), least_of(|d| d.1));
        let fastest = self.round_trips.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let late = |(delay, round_trip): (&Option<(f64, f64)>, &Option<f64>)| {
            let (Some(delay), Some(round_trip)) = (delay, round_trip) else { return Late::default() };
            let slow = round_trip - fastest > JITTER_BUFFER_MS / 2.0;
            Late {
                forward: slow && delay.0 - forward > JITTER_BUFFER_MS,
                reverse: slow && delay.1 - reverse > JITTER_BUFFER_MS,
            }
        };
        delays.iter().zip(&self.round_trips).map(late).collect()
    }

    /// How much later than due each packet left.
    fn send_errors(&self) -> Vec<f64> {
        let stamped = self.quality == TimestampQuality::Kernel;
        let kernel = |s: &Sent| s.kernel.filter(|_| stamped).map_or(0, |k| k.saturating_sub(s.wall) as i64);
        self.sent.iter().map(|s| ms(s.user - s.due + kernel(s))).collect()
    }

    /// What the computer itself added to each round trip: user space less kernel.
    fn stalls(&self) -> Vec<f64> {
        let stall = |(s, a): (&Sent, &Answer)| {
            let receiving = a.wall.saturating_sub(a.kernel?) as i64;
            match self.quality {
                TimestampQuality::Kernel => Some(ms(receiving + s.kernel?.saturating_sub(s.wall) as i64)),
                TimestampQuality::KernelReceive => Some(ms(receiving)),
                TimestampQuality::UserSpace => None,
            }
        };
        self.pairs().flatten().filter_map(stall).collect()
    }
}

/// The best kind of clock that nearly all packets were seen by.
fn quality(sent: &[Sent], first: &[Option<&Answer>]) -> TimestampQuality {
    let pairs = || sent.iter().zip(first).filter_map(|(s, a)| Some((s, (*a)?)));
    let enough = pairs().count() as f64 * ENOUGH_STAMPED;
    let received = pairs().filter(|(_, a)| a.kernel.is_some()).count();
    let both = pairs().filter(|(s, a)| a.kernel.is_some() && s.kernel.is_some()).count();
    match () {
        () if received == 0 => TimestampQuality::UserSpace,
        () if both as f64 >= enough => TimestampQuality::Kernel,
        () if received as f64 >= enough => TimestampQuality::KernelReceive,
        () => TimestampQuality::UserSpace,
    }
}

/// T1, in nanoseconds; comparable with T4 of the same quality.
fn leaving(sent: &Sent, quality: TimestampQuality) -> Option<u64> {
    match quality {
        TimestampQuality::Kernel => sent.kernel,
        TimestampQuality::KernelReceive => Some(sent.wall),
        TimestampQuality::UserSpace => Some(sent.user as u64),
    }
}

/// T4.
fn coming(answer: &Answer, quality: TimestampQuality) -> Option<u64> {
    match quality {
        TimestampQuality::Kernel | TimestampQuality::KernelReceive => answer.kernel,
        TimestampQuality::UserSpace => Some(answer.user as u64),
    }
}

/// (T4 − T1) − (T3 − T2) in milliseconds.
fn round_trip(sent: &Sent, answer: &Answer, quality: TimestampQuality) -> Option<f64> {
    let by_wall = answer.wall.wrapping_sub(sent.wall) as i64;
    let clock_set = by_wall.abs_diff(answer.user - sent.user) > CLOCK_SET_NS;
    if clock_set && quality != TimestampQuality::UserSpace {
        return None;
    }
    let whole = coming(answer, quality)?.wrapping_sub(leaving(sent, quality)?) as i64;
    // A turnaround that cannot be is the reflector's clock being set: better none than a wrong one.
    let turnaround = if (0..=whole).contains(&answer.turnaround) { answer.turnaround } else { 0 };
    (whole >= 0).then(|| ms(whole - turnaround))
}

fn ms(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}

fn most_frequent(values: impl Iterator<Item = u8>) -> Option<u8> {
    let mut counts = [0u32; 64];
    for value in values {
        counts[usize::from(value & 63)] += 1;
    }
    let (value, count) = counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
    (*count > 0).then_some(value as u8)
}

/// Mbit/s of the stream one way, with UDP and IP headers.
fn rate(v6: bool) -> f64 {
    let packet = PAYLOAD + 8 + if v6 { 40 } else { 20 };
    packet as f64 * 8.0 / INTERVAL.as_secs_f64() / 1e6
}

#[cfg(test)]
mod tests;
