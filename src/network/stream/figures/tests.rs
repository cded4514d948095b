//! Figures of streams whose truth is known, because they are made here.

use super::*;
use proptest::prelude::*;
use stamp::{Format, Timestamp};

const MS: i64 = 1_000_000;
const WALL: i64 = 1_800_000_000_000_000_000;
/// The reflector's clock is an hour off.
const FAR: i64 = 3_600_000 * MS;

/// What happened to one packet.
#[derive(Clone, Copy)]
struct Fate {
    out: i64,
    turnaround: i64,
    back: i64,
    lost_forward: bool,
    lost_reverse: bool,
    /// What the computer added on either side.
    stall: i64,
}

const FINE: Fate =
    Fate { out: 20 * MS, turnaround: MS, back: 30 * MS, lost_forward: false, lost_reverse: false, stall: 0 };

/// A stream in which each packet had its fate, in order.
fn stream(fates: &[Fate]) -> (Vec<Sent>, Vec<Answer>) {
    let mut count = 0;
    let (mut sent, mut answers) = (Vec::new(), Vec::new());
    for (n, fate) in fates.iter().enumerate() {
        let at = n as i64 * 20 * MS;
        let left = at + fate.stall;
        sent.push(Sent::at(at, at, (WALL + at) as u64, Some((WALL + left) as u64)));
        if fate.lost_forward {
            continue;
        }
        count += 1;
        if fate.lost_reverse {
            continue;
        }
        let back = left + fate.out + fate.turnaround + fate.back;
        answers.push(Answer {
            sequence: n as u32,
            count: count - 1,
            reached: Timestamp::from_unix_nanos((WALL + FAR + left + fate.out) as u64),
            format: Format::Ntp,
            turnaround: fate.turnaround,
            dscp: Some(46),
            user: back + fate.stall,
            wall: (WALL + back + fate.stall) as u64,
            kernel: Some((WALL + back) as u64),
        });
    }
    (sent, answers)
}

fn media(ledger: &Ledger, dscp_sent: u8, v6: bool) -> Media {
    super::media(ledger, dscp_sent, v6, Codec::G711Plc)
}

fn measured(fates: &[Fate]) -> Media {
    let (sent, answers) = stream(fates);
    media(&Ledger::of(sent, answers, None), 46, false)
}

fn close(value: Option<Millis>, expected: f64) {
    let value = value.expect("a value").get();
    assert!((value - expected).abs() < 0.002, "{value} is not {expected}");
}

#[test]
fn an_even_stream_has_even_figures() {
    let media = measured(&[FINE; 250]);
    assert_eq!((media.sent, media.reflected, media.received), (250, 250, 250));
    close(media.rtt_min, 50.0);
    close(media.rtt_mean, 50.0);
    close(media.rtt_p95, 50.0);
    close(media.ipdv_mean, 0.0);
    close(media.jitter, 0.0);
    close(media.stall_p95, 0.0);
    assert_eq!(media.timestamps, TimestampQuality::Kernel);
    assert_eq!((media.dscp_sent, media.dscp_seen), (46, Some(46)));
    assert_eq!((media.late.get(), media.burst_ratio.get()), (0.0, 1.0));
    assert_eq!((media.loss_forward.get(), media.loss_reverse.get()), (0.0, 0.0));
    // None of 250: the upper bound is z²/(n + z²).
    assert_eq!((media.loss_interval.low.get(), media.loss_interval.high.get()), (0.0, 1.513));
    assert_eq!((media.duration.get(), media.rate.get()), (5000.0, 0.1));
    let path = emodel::Path { delay_ms: 25.0 + 80.0, loss_percent: 0.0, burst_ratio: 1.0 };
    assert_eq!(media.mos, Some(Mos::new(emodel::mos(emodel::rating(emodel::G711_PLC, path)))));
}

#[test]
fn loss_is_told_apart_by_direction_and_the_worse_one_makes_the_mos() {
    let fate = |n: usize| Fate { lost_forward: n % 50 == 7, lost_reverse: n % 25 == 3, ..FINE };
    let media = measured(&(0..250).map(fate).collect::<Vec<_>>());
    assert_eq!((media.sent, media.reflected, media.received), (250, 245, 235));
    assert_eq!(media.loss_forward.get(), 2.0);
    assert_eq!(media.loss_reverse.get(), 4.082);
    let (low, high) = wilson(15, 250);
    assert_eq!(media.loss_interval.low.get(), Percent::new(100.0 * low).get());
    assert_eq!(media.loss_interval.high.get(), Percent::new(100.0 * high).get());
    let path = emodel::Path { delay_ms: 105.0, loss_percent: 1000.0 / 245.0, burst_ratio: 1.0 };
    assert_eq!(media.mos, Some(Mos::new(emodel::mos(emodel::rating(emodel::G711_PLC, path)))));
}

#[test]
fn what_is_lost_at_the_end_is_placed_by_the_packet_after_it() {
    // The last ten got no answer: four never arrived, six lost their reply.
    let fate = |n: usize| Fate { lost_forward: n >= 96, lost_reverse: (90..96).contains(&n), ..FINE };
    let (mut sent, mut answers) = stream(&(0..100).map(fate).collect::<Vec<_>>());
    let guess = media(&Ledger::of(sent.clone(), answers.clone(), None), 46, false);
    assert_eq!(guess.reflected, 90, "without it, all of them seem not to have arrived");
    sent.push(Sent::at(0, 0, 0, None));
    answers.push(Answer { sequence: 100, count: 96, ..answers[0] });
    let media = media(&Ledger::of(sent, answers, Some(100)), 46, false);
    assert_eq!((media.sent, media.reflected, media.received), (100, 96, 90));
    assert_eq!(media.duplicates, 0, "the packet after the stream is not of the stream");
}

#[test]
fn duplicates_are_told_from_packets_and_do_not_hide_loss() {
    let (sent, mut answers) = stream(&[FINE; 10]);
    // Packet 3 was doubled on the way there: it is counted twice, and all later ones are counted higher.
    for answer in &mut answers[4..] {
        answer.count += 1;
    }
    answers.insert(4, Answer { count: 4, ..answers[3] });
    // Packet 9's reply was doubled on the way back.
    answers.push(*answers.last().unwrap());
    // Packet 6 was lost on the way there after all.
    answers.retain(|a| a.sequence != 6);
    for answer in answers.iter_mut().filter(|a| a.sequence > 6) {
        answer.count -= 1;
    }
    let media = media(&Ledger::of(sent, answers, None), 46, false);
    assert_eq!((media.reflected, media.received, media.duplicates, media.reordered), (9, 9, 2, 0));
    assert_eq!((media.loss_forward.get(), media.loss_reverse.get()), (10.0, 0.0));
}

#[test]
fn overtaken_packets_are_reordered_and_not_lost() {
    let (sent, mut answers) = stream(&[FINE; 10]);
    answers.swap(4, 5);
    let media = media(&Ledger::of(sent, answers, None), 46, false);
    assert_eq!((media.reordered, media.received, media.loss_reverse.get()), (1, 10, 0.0));
}

#[test]
fn a_packet_behind_the_jitter_buffer_is_late_and_heard_as_lost() {
    let late = |extra: i64| {
        let slow = |n: usize| if n % 10 == 5 { Fate { back: FINE.back + extra, ..FINE } } else { FINE };
        measured(&(0..100).map(slow).collect::<Vec<_>>())
    };
    assert_eq!(late(59 * MS).late.get(), 0.0);
    let media = late(61 * MS);
    assert_eq!((media.late.get(), media.loss_reverse.get(), media.received), (10.0, 0.0, 100));
    let path = emodel::Path { delay_ms: 105.0, loss_percent: 10.0, burst_ratio: 1.0 };
    assert_eq!(media.mos, Some(Mos::new(emodel::mos(emodel::rating(emodel::G711_PLC, path)))));
    // Forty each way is no direction's sixty, though the round trip is eighty longer.
    let both = |n: usize| if n % 10 == 5 { Fate { back: 70 * MS, out: 60 * MS, ..FINE } } else { FINE };
    assert_eq!(measured(&(0..100).map(both).collect::<Vec<_>>()).late.get(), 0.0);
}

#[test]
fn a_reflector_whose_clock_is_set_makes_nothing_late() {
    let (sent, mut answers) = stream(&[FINE; 100]);
    for answer in &mut answers[50..] {
        answer.reached = Timestamp(answer.reached.0.wrapping_add(5 << 32));
    }
    answers[50].turnaround = 5_000 * MS; // set between receiving and sending
    let media = media(&Ledger::of(sent, answers, None), 46, false);
    assert_eq!(media.late.get(), 0.0);
    close(media.rtt_min, 50.0);
    close(media.rtt_p95, 50.0);
}

#[test]
fn a_busy_computer_is_a_stall_and_not_a_bad_network() {
    let busy = |n: usize| Fate { stall: if n.is_multiple_of(4) { 8 * MS } else { 0 }, ..FINE };
    let fates: Vec<_> = (0..100).map(busy).collect();
    let media = measured(&fates);
    close(media.rtt_p95, 50.0);
    close(media.ipdv_mean, 0.0);
    close(media.stall_p95, 16.0);
    assert_eq!(media.send_error_p95.get(), 8.0);

    // Without stamps for what leaves, and without any, more and more of it reads as network.
    let (mut sent, mut answers) = stream(&fates);
    for s in &mut sent {
        s.kernel = None;
    }
    let half = self::media(&Ledger::of(sent.clone(), answers.clone(), None), 46, false);
    assert_eq!(half.timestamps, TimestampQuality::KernelReceive);
    close(half.rtt_p95, 58.0);
    close(half.stall_p95, 8.0);
    for a in &mut answers {
        a.kernel = None;
    }
    let none = self::media(&Ledger::of(sent, answers, None), 46, false);
    assert_eq!((none.timestamps, none.stall_p95), (TimestampQuality::UserSpace, None));
    close(none.rtt_p95, 66.0);
}

#[test]
fn our_own_clock_being_set_costs_only_the_packets_under_way() {
    let (mut sent, mut answers) = stream(&[FINE; 100]);
    let set = |wall: &mut u64| *wall += 700_000_000;
    for (n, s) in sent.iter_mut().enumerate().skip(40) {
        set(&mut s.wall);
        s.kernel.as_mut().map(set);
        assert!(n >= 40);
    }
    for a in answers.iter_mut().skip(38) {
        set(&mut a.wall);
        a.kernel.as_mut().map(set);
    }
    let media = media(&Ledger::of(sent, answers, None), 46, false);
    close(media.rtt_mean, 50.0);
    assert_eq!((media.received, media.late.get()), (100, 0.0));
}

#[test]
fn the_quality_is_that_of_the_codec_and_says_so() {
    let mut fates = vec![FINE; 250];
    fates[100].lost_forward = true;
    let (sent, answers) = stream(&fates);
    let of = |codec| super::media(&Ledger::of(sent.clone(), answers.clone(), None), 46, false, codec);
    let (g711, g729, opus) = (of(Codec::G711Plc), of(Codec::G729a), of(Codec::OpusEstimate));
    assert_eq!((g711.codec, g729.codec, opus.codec), (Codec::G711Plc, Codec::G729a, Codec::OpusEstimate));
    assert!(g729.mos.unwrap().get() < g711.mos.unwrap().get() - 0.2);
    assert_eq!(opus.mos, g711.mos);
}

#[test]
fn when_nothing_comes_back_there_is_no_time_and_no_mos() {
    let media = measured(&[Fate { lost_forward: true, ..FINE }; 50]);
    assert_eq!((media.sent, media.reflected, media.received), (50, 0, 0));
    assert_eq!((media.mos, media.rtt_mean, media.jitter, media.dscp_seen), (None, None, None, None));
    assert_eq!(media.loss_forward.get(), 100.0);
    assert!(media.loss_interval.low.get() > 92.0);
}

proptest! {
    #[test]
    fn a_lying_reflector_cannot_break_the_figures(
        lies in proptest::collection::vec((0u32..60, any::<u32>(), any::<u64>(), any::<i64>(), any::<i64>(), any::<u64>()), 0..80),
        closing in proptest::option::of(0usize..60),
    ) {
        let (sent, _) = stream(&[FINE; 60]);
        let answers = lies.into_iter().map(|(sequence, count, reached, turnaround, user, kernel)| Answer {
            sequence, count, reached: Timestamp(reached), format: Format::Ntp, turnaround,
            dscp: Some(count as u8), user: user >> 8, wall: kernel, kernel: Some(kernel),
        }).collect();
        let media = media(&Ledger::of(sent, answers, closing), 46, true);
        prop_assert!(media.received <= media.reflected && media.reflected <= media.sent);
        let json = serde_json::to_string(&media).unwrap();
        prop_assert_eq!(serde_json::from_str::<Media>(&json).unwrap(), media);
    }
}
