//! What the packets of a STAMP session really got, put together from the records of all links.

use netshape::{Direction, Fate, Kind, Lateness, Links, Record};
use preshift::network::statistics;
use std::collections::{BTreeMap, BTreeSet};

/// Later than this in one of a hundred releases, and the lab's own wake-ups, which it cannot record, are
/// in the way of a tenth of a millisecond.
const LATE_P99: u64 = 250_000;

/// One packet's way there and back. Times are nanoseconds of one clock.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    left: Option<u64>,
    reached: Option<u64>,
    answered: Option<u64>,
    back: Option<u64>,
    copies_back: usize,
}

/// What the packets of a session really got.
#[derive(Debug)]
pub struct Truth {
    ways: BTreeMap<u32, Way>,
    late: Vec<(String, Lateness)>,
}

impl Truth {
    /// Of the STAMP packets that the links saw since their records were forgotten.
    pub fn read(links: &Links) -> Self {
        Self::of(links, Kind::Request, Kind::Reply)
    }

    /// The same of another tool's packets.
    pub fn of(links: &Links, request: Kind, reply: Kind) -> Self {
        let mut ways: BTreeMap<u32, Way> = BTreeMap::new();
        let of = |name: &str, kind: Kind| {
            let direction = links.directions().iter().find(|d| d.name() == name).expect("a link of the lab");
            let records = direction.records();
            records.into_iter().filter(move |r| r.identity.kind == kind).collect::<Vec<Record>>()
        };
        // The first of several copies counts everywhere.
        for r in of("wifi.up", request) {
            ways.entry(r.identity.sequence).or_default().left.get_or_insert(r.arrived);
        }
        for r in of("transit.up", request).into_iter().filter(passed) {
            let reached = &mut ways.entry(r.identity.sequence).or_default().reached;
            *reached = earlier(*reached, r.released);
        }
        for r in of("transit.down", reply) {
            ways.entry(r.identity.sequence).or_default().answered.get_or_insert(r.arrived);
        }
        for r in of("wifi.down", reply).into_iter().filter(passed) {
            let way = ways.entry(r.identity.sequence).or_default();
            way.back = earlier(way.back, r.released);
            way.copies_back += r.copies as usize;
        }
        let late = |d: &Direction| (d.name().to_owned(), Lateness::of(&d.records()));
        Self { ways, late: links.directions().iter().map(|d| late(d)).collect() }
    }

    /// Only the packets of the stream, not those after it that ask for the reflector's count.
    pub fn of_first(&self, packets: u32) -> Stream {
        Stream { ways: self.ways.range(..packets).map(|(n, way)| (*n, *way)).collect() }
    }

    /// How late the lab was, if that was too late.
    pub fn too_late(&self) -> Option<String> {
        let worst = self.late.iter().max_by_key(|(_, late)| late.p99)?;
        (worst.1.p99 > LATE_P99).then(|| format!("{}: {:?}", worst.0, worst.1))
    }
}

/// The packets of a stream.
#[derive(Debug)]
pub struct Stream {
    ways: BTreeMap<u32, Way>,
}

impl Stream {
    /// Packets that came to the first link.
    pub fn sent(&self) -> usize {
        self.ways.values().filter(|w| w.left.is_some()).count()
    }

    /// Packets that reached the server.
    pub fn reached(&self) -> usize {
        self.ways.values().filter(|w| w.reached.is_some()).count()
    }

    /// Packets whose reply came back.
    pub fn back(&self) -> usize {
        self.ways.values().filter(|w| w.back.is_some()).count()
    }

    /// Replies that came more than once.
    pub fn duplicates(&self) -> usize {
        self.ways.values().map(|w| w.copies_back.saturating_sub(1)).sum()
    }

    /// Replies that came after that to a later packet.
    pub fn reordered(&self) -> usize {
        statistics::reordered(&self.in_order_of_arrival())
    }

    /// Whether each packet came back.
    pub fn came(&self) -> Vec<bool> {
        self.ways.values().map(|w| w.back.is_some()).collect()
    }

    /// Round trips in milliseconds without the server's turnaround, in sending order.
    pub fn round_trips(&self) -> Vec<Option<f64>> {
        self.ways.values().map(round_trip).collect()
    }

    /// The same in order of arrival, without what did not come.
    pub fn round_trips_by_arrival(&self) -> Vec<f64> {
        self.in_order_of_arrival().iter().filter_map(|n| round_trip(&self.ways[n])).collect()
    }

    fn in_order_of_arrival(&self) -> Vec<u32> {
        let back: BTreeSet<(u64, u32)> = self.ways.iter().filter_map(|(n, w)| Some((w.back?, *n))).collect();
        back.into_iter().map(|(_, n)| n).collect()
    }
}

fn round_trip(way: &Way) -> Option<f64> {
    let out = way.reached?.checked_sub(way.left?)?;
    let back = way.back?.checked_sub(way.answered?)?;
    Some((out + back) as f64 / 1e6)
}

fn passed(record: &Record) -> bool {
    record.fate == Fate::Passed && record.released.is_some()
}

fn earlier(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}
