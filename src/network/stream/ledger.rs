//! What happened to each packet, as it was seen: no conclusions.

use crate::network::timing::Moment;
use stamp::{Reply, Timestamp};
use std::time::{Duration, Instant};

/// A kernel stamp cannot be older than the user's look at the clock before the call, but for the time
/// by which the clock is corrected as it runs.
const SLACK: u64 = 1_000_000;

/// A packet that we sent, or tried to. Times are nanoseconds: by the monotonic clock since the stream
/// began, and by the wall clock since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sent {
    /// When it should have left.
    pub(super) due: i64,
    /// When it was handed to the system, monotonic.
    pub(super) user: i64,
    /// The same by the wall clock: T1 in the packet.
    pub(super) wall: u64,
    /// When the kernel sent it, by the wall clock.
    pub(super) kernel: Option<u64>,
    /// The kernel saw it at the driver.
    at_driver: bool,
}

impl Sent {
    pub(super) fn new(due: Instant, now: Moment, begin: Instant) -> Self {
        let user = nanos_since(now.instant, begin);
        Self { due: nanos_since(due, begin), user, wall: now.wall, kernel: None, at_driver: false }
    }
}

/// A reply as it came in, not yet held to what was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub(super) reply: Reply,
    pub(super) dscp: Option<u8>,
    pub(super) now: Moment,
    pub(super) kernel: Option<u64>,
}

/// A reply to one of our packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer {
    /// Which packet.
    pub(super) sequence: u32,
    /// The reflector's count.
    pub(super) count: u32,
    /// T2, by the reflector's clock.
    pub(super) reached: Timestamp,
    /// How its clock is to be read.
    pub(super) format: stamp::Format,
    /// T3 − T2.
    pub(super) turnaround: i64,
    /// The DSCP that the reflector saw.
    pub(super) dscp: Option<u8>,
    /// When we read it, monotonic.
    pub(super) user: i64,
    /// The same by the wall clock.
    pub(super) wall: u64,
    /// When the kernel received it, by the wall clock.
    pub(super) kernel: Option<u64>,
}

/// A packet that got a stamp's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Stream(usize),
    Hop(usize),
}

/// All packets of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    sent: Vec<Sent>,
    answers: Vec<Answer>,
    /// Packets that were to die on the way, which take no sequence number.
    hops: Vec<Sent>,
    /// The packet of each stamp's id: what could not be sent got none.
    ids: Vec<Which>,
    /// Ids that the kernel gave to packets it then refused: older kernels do.
    skipped: usize,
    /// Whether each packet was answered; their number.
    answered: Vec<bool>,
    unanswered: usize,
    /// The most that was left of a packet's TTL at the reflector, as it tells.
    ttl_left: u8,
    /// From this packet on they only ask for the reflector's count.
    closing: Option<usize>,
}

impl Ledger {
    /// The packets of the stream, without those after it.
    pub(super) fn stream(&self) -> &[Sent] {
        &self.sent[..self.closing.unwrap_or(self.sent.len())]
    }

    /// All packets.
    pub(super) fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Replies in order of arrival, duplicates and those after the stream among them.
    pub(super) fn answers(&self) -> &[Answer] {
        &self.answers
    }

    pub(super) fn sent_one(&mut self, sent: Sent, left: bool) {
        if left {
            self.ids.push(Which::Stream(self.sent.len()));
        }
        self.sent.push(sent);
        self.answered.push(false);
        self.unanswered += 1;
    }

    /// A packet was sent that is to die on the way.
    pub(super) fn hop_sent(&mut self, sent: Sent, left: bool) {
        if left {
            self.ids.push(Which::Hop(self.hops.len()));
        }
        self.hops.push(sent);
    }

    /// Packets that were to die on the way.
    pub(super) fn hops(&self) -> &[Sent] {
        &self.hops
    }

    /// A reply came. One that does not repeat what we sent is not ours, and ignored.
    pub(super) fn came_one(&mut self, came: Came, begin: Instant) {
        let Came { reply, dscp, now, kernel } = came;
        let index = reply.sender_sequence as usize;
        let ours = |sent: &&Sent| Timestamp::from_unix_nanos(sent.wall) == reply.sender_sent;
        if self.sent.get(index).filter(ours).is_none() {
            return;
        }
        if !std::mem::replace(&mut self.answered[index], true) {
            self.unanswered -= 1;
        }
        self.ttl_left = self.ttl_left.max(reply.sender_ttl);
        self.answers.push(Answer {
            sequence: reply.sender_sequence,
            count: reply.sequence,
            reached: reply.received,
            format: reply.error.format,
            turnaround: reply.sent.nanos_since(reply.received, reply.error.format),
            dscp,
            user: nanos_since(now.instant, begin),
            wall: now.wall,
            kernel,
        });
    }

    /// The kernel says when a packet left.
    pub(super) fn departed(&mut self, id: u32, at: u64, at_driver: bool) {
        // A stamp from before its packet was handed over is another packet's: an id was skipped.
        while let Some(&which) = (id as usize).checked_sub(self.skipped).and_then(|n| self.ids.get(n)) {
            let sent = match which {
                Which::Stream(index) => &mut self.sent[index],
                Which::Hop(index) => &mut self.hops[index],
            };
            if at + SLACK >= sent.wall {
                if sent.kernel.is_none() || (at_driver && !sent.at_driver) {
                    (sent.kernel, sent.at_driver) = (Some(at), at_driver);
                }
                return;
            }
            self.skipped += 1;
        }
    }

    /// How many routers there are on the way to the reflector, if it tells what is left of the TTL: systems begin with
    /// 64, 128 or 255.
    pub(super) fn routers(&self) -> Option<u8> {
        let left = Some(self.ttl_left).filter(|left| *left > 0)?;
        [64, 128, 255].into_iter().find(|begin| *begin >= left).map(|begin| begin - left)
    }

    /// Every packet was answered, and the kernel said when each left if it says so at all.
    pub(super) fn complete(&self) -> bool {
        let stamped = |sent: &Sent| sent.kernel.is_some();
        let stamps =
            self.sent.first().is_none_or(|first| stamped(first) == self.sent.last().is_some_and(stamped));
        self.unanswered == 0 && stamps
    }

    /// The longest time from a packet to its first answer so far.
    pub(super) fn longest_round_trip(&self) -> Duration {
        let times = self.answers.iter().map(|a| a.user - self.sent[a.sequence as usize].user);
        Duration::from_nanos(times.max().unwrap_or(0).max(0) as u64)
    }

    /// None of so many packets, and there were no others, could be sent.
    pub(super) fn nothing_left_in(&self, packets: usize) -> bool {
        self.ids.is_empty() && self.sent.len() >= packets
    }

    /// The wall clock went otherwise than the monotonic one since the last packet.
    pub(super) fn clock_jumped(&self, now: Moment, begin: Instant, by: Duration) -> bool {
        let Some(last) = self.sent.last() else { return false };
        let monotonic = nanos_since(now.instant, begin) - last.user;
        let wall = now.wall.wrapping_sub(last.wall) as i64;
        wall.abs_diff(monotonic) > by.as_nanos() as u64
    }

    /// The stream is over; what is sent from now on only asks for the reflector's count.
    pub(super) fn close(&mut self) {
        self.closing.get_or_insert(self.sent.len());
    }

    /// A packet after the stream was answered.
    pub(super) fn closed(&self) -> bool {
        self.closing_answer().is_some()
    }

    /// The first answer to a packet after the stream: how many of those were sent before it, and the
    /// reflector's count.
    pub(super) fn closing_answer(&self) -> Option<(usize, u32)> {
        let closing = self.closing?;
        let answer = self.answers.iter().find(|a| a.sequence as usize >= closing)?;
        Some((answer.sequence as usize - closing, answer.count))
    }
}

fn nanos_since(at: Instant, begin: Instant) -> i64 {
    match at.checked_duration_since(begin) {
        Some(after) => after.as_nanos() as i64,
        None => -(begin.duration_since(at).as_nanos() as i64),
    }
}

#[cfg(test)]
impl Ledger {
    /// For tests of the figures: packets and answers as if they had been seen.
    pub(super) fn of(sent: Vec<Sent>, answers: Vec<Answer>, closing: Option<usize>) -> Self {
        Self { sent, answers, closing, ..Self::default() }
    }
}

#[cfg(test)]
impl Sent {
    pub(super) fn at(due: i64, user: i64, wall: u64, kernel: Option<u64>) -> Self {
        Self { due, user, wall, kernel, at_driver: kernel.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stamp::ErrorEstimate;

    const SECOND: u64 = 1_000_000_000;

    fn ledger(packets: u64) -> (Ledger, Instant) {
        let begin = Instant::now();
        let mut ledger = Ledger::default();
        for n in 0..packets {
            let instant = begin + Duration::from_millis(20 * n);
            let now = Moment { instant, wall: SECOND + 20_000_000 * n };
            ledger.sent_one(Sent::new(instant, now, begin), true);
        }
        (ledger, begin)
    }

    fn reply(to: u32, sent: u64) -> Came {
        let error = ErrorEstimate::UNSYNCHRONIZED;
        let reply = Reply {
            sequence: 0,
            sent: Timestamp(9),
            error,
            ssid: 1,
            received: Timestamp(5),
            sender_sequence: to,
            sender_sent: Timestamp::from_unix_nanos(sent),
            sender_error: error,
            sender_ttl: 60,
        };
        Came { reply, dscp: None, now: Moment::now(), kernel: None }
    }

    #[test]
    fn only_answers_that_repeat_what_was_sent_count() {
        let (mut ledger, begin) = ledger(3);
        ledger.came_one(reply(7, SECOND), begin);
        ledger.came_one(reply(u32::MAX, SECOND), begin);
        ledger.came_one(reply(1, SECOND), begin);
        assert_eq!((ledger.answers().len(), ledger.complete()), (0, false));
        for n in [0, 2, 1, 1] {
            ledger.came_one(reply(n, SECOND + 20_000_000 * u64::from(n)), begin);
        }
        assert_eq!((ledger.answers().len(), ledger.complete()), (4, true));
    }

    #[test]
    fn a_stamp_finds_its_packet_though_the_kernel_skipped_an_id() {
        let (mut ledger, _) = ledger(4);
        let left = |n: u64| SECOND + 20_000_000 * n + 40_000;
        ledger.departed(0, left(0), false);
        ledger.departed(0, left(0) + 9, true);
        ledger.departed(0, left(0) + 99, false);
        // Id 1 was burnt on a packet that was refused: from here on ids run one ahead.
        ledger.departed(2, left(1), true);
        ledger.departed(3, left(2), true);
        ledger.departed(900, left(2), true);
        let kernel: Vec<_> = ledger.sent().iter().map(|s| s.kernel).collect();
        assert_eq!(kernel, [Some(left(0) + 9), Some(left(1)), Some(left(2)), None]);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let (ledger, begin) = ledger(2);
        let at = |ms: u64, wall_ms: u64| Moment {
            instant: begin + Duration::from_millis(ms),
            wall: SECOND + wall_ms * 1_000_000,
        };
        let jumped = |moment| ledger.clock_jumped(moment, begin, Duration::from_secs(2));
        assert!(!jumped(at(40, 40)) && !jumped(at(40, 1_900)));
        assert!(jumped(at(40, 2_100)));
        assert!(jumped(Moment { instant: begin + Duration::from_secs(60), wall: SECOND }), "set back");
    }
}
