//! Fills a collector that runs with a fleet of desks, by the same signed requests that real desks send, so
//! that the board can be looked at. Usage:
//!
//! ```text
//! preshift-collector serve --data DIR --listen 127.0.0.1:8443 --reflector-port 0 &
//! cargo run -p preshift-collector --example fleet -- DIR 127.0.0.1:8443
//! ```

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/readings.rs"]
mod readings;

use collector::store;
use common::Desk;
use readings::{Home, Noise01};
use std::{net::SocketAddr, path::Path};
use telemetry::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What is different about a desk.
#[derive(Clone, Copy, PartialEq)]
enum Story {
    Fine,
    Muted,
    Dead,
    WeakWifi,
    FarAway,
    Lossy,
    Busy,
    Battery,
    NoMicrophone,
    Silent,
    Never,
    Lost,
    Cloned,
    Later,
    NoShift,
}

const FLEET: [(&str, &str, Story); 22] = [
    ("Desk 101", "support", Story::Fine),
    ("Desk 102", "support", Story::Muted),
    ("Desk 103", "support", Story::Fine),
    ("Desk 104", "support", Story::WeakWifi),
    ("Desk 105", "support", Story::Silent),
    ("Desk 106", "support", Story::Fine),
    ("Desk 107", "support", Story::Lossy),
    ("Desk 108", "support", Story::Fine),
    ("Desk 109", "support", Story::Lost),
    ("Desk 201", "sales", Story::Fine),
    ("Desk 202", "sales", Story::Dead),
    ("Desk 203", "sales", Story::Busy),
    ("Desk 204", "sales", Story::Fine),
    ("Desk 205", "sales", Story::FarAway),
    ("Desk 206", "sales", Story::Never),
    ("Desk 207", "sales", Story::Cloned),
    ("Desk 301", "claims", Story::Later),
    ("Desk 302", "claims", Story::Later),
    ("Desk 303", "claims", Story::NoMicrophone),
    ("Desk 304", "claims", Story::Battery),
    ("Desk 305", "claims", Story::Later),
    ("", "claims", Story::NoShift),
];

/// An upgrade half way through, and what odd desks run.
const VERSIONS: [&str; 9] =
    ["0.3.1", "0.3.1", "0.3.0", "0.3.1", "0.2.4", "0.3.1", "0.3.0", "0.4.0-rc1", "0.3.1"];

fn home(story: Story) -> Home {
    let usual = Home::default();
    match story {
        Story::Muted => Home { muted: true, ..usual },
        Story::Dead => Home { dead: true, ..usual },
        Story::WeakWifi => Home { wifi: Some(-78.0), jitter: 34.0, rtt: 61.0, loss: 0.4, ..usual },
        Story::FarAway => Home { rtt: 232.0, jitter: 9.0, wifi: None, ..usual },
        Story::Lossy => Home { loss: 6.0, jitter: 19.0, wifi: None, ..usual },
        Story::Busy => Home { cpu: 86.0, memory: 84.0, ..usual },
        Story::Battery => Home { battery: Some(31.0), ..usual },
        Story::NoMicrophone => Home { no_microphone: true, ..usual },
        _ => usual,
    }
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(data), Some(address)) = (args.next(), args.next()) else {
        eprintln!("usage: fleet DIR ADDRESS:PORT");
        std::process::exit(64);
    };
    let address: SocketAddr = address.parse().expect("ADDRESS:PORT");
    let data = Path::new(&data);
    let now = UnixMs::new(jiff::Timestamp::now().as_millisecond());
    let mut plan = String::from("desk,shift,begin,end,zone\n");
    let mut desks = Vec::new();
    for (i, (label, team, story)) in FLEET.into_iter().enumerate() {
        let mut desk = Desk::new(address).await;
        desk.daemon = VERSIONS[i % VERSIONS.len()].parse().unwrap();
        let db = store::open(data, false).unwrap();
        let code = collector::secret::enroll_code().unwrap();
        store::codes::add(&db, &code, &team.parse().unwrap(), 1, now, now.plus_ms(HOUR)).unwrap();
        assert_eq!(desk.enroll(&code).await.0, 200);
        let no = store::desks::by_id(&db, &desk.id).unwrap().unwrap().no;
        if !label.is_empty() {
            store::desks::label(&db, no, Some(label)).unwrap();
        }
        // Early shifts run, late ones are about to begin, those of claims are later.
        let begin = match story {
            Story::NoShift => None,
            Story::Later => Some(("late-today", 5 * HOUR)),
            _ if i % 3 == 1 => Some(("mid-today", 20 * MINUTE)),
            _ => Some(("early-today", -2 * HOUR)),
        };
        if let Some((shift, from)) = begin {
            let civil = |at: UnixMs| {
                let at = jiff::Timestamp::from_millisecond(at.get()).unwrap();
                at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string()
            };
            let from = now.plus_ms(from);
            plan += &format!("{},{shift},{},{},UTC\n", desk.id, civil(from), civil(from.plus_ms(8 * HOUR)));
        }
        desks.push((i, no, desk, story, begin));
    }
    let db = store::open(data, false).unwrap();
    let find = |text: &str| Ok(store::desks::meant(&db, text).unwrap()[0].no);
    store::plan::set_shifts(&db, &collector::shifts::parse(&plan, find).unwrap(), now).unwrap();
    let policy = store::plan::policy(&db).unwrap().unwrap();
    let target: Id = "collector".parse().unwrap();

    for (i, no, desk, story, begin) in &desks {
        if *story == Story::Never {
            continue;
        }
        let (home, mut n) = (home(*story), Noise01::new(*i as u64 + 1));
        let stopped = if *story == Story::Silent { now.plus_ms(-47 * MINUTE) } else { now };
        let mut reports = Vec::new();
        let mut add = |at: UnixMs, body: Body| {
            let mut report = desk.report(at, body);
            report.policy = policy.reference();
            report.consent.background = ConsentState::Given;
            reports.push(report);
        };
        add(
            now.plus_ms(-30 * HOUR),
            Body::Event(Event { event: EventKind::Started, duration: None, count: None }),
        );
        let slept = now.plus_ms(-16 * HOUR)..now.plus_ms(-3 * HOUR);
        let mut at = now.plus_ms(-24 * HOUR);
        let mut k = 0;
        while at < stopped {
            // Most of a home's trouble comes and goes.
            let bad = at > now.plus_ms(-5 * HOUR) || k % 40 < 6;
            let here =
                if bad { home.clone() } else { Home { wifi: home.wifi.map(|_| -55.0), ..Home::default() } };
            if !slept.contains(&at) {
                add(at, readings::routine(&here, &target, at, k % 2 == 0, &mut n));
            }
            at = at.plus_ms(5 * MINUTE);
            k += 1;
        }
        let seconds = Some(Seconds::new(13.0 * 3600.0));
        add(
            now.plus_ms(-3 * HOUR),
            Body::Event(Event { event: EventKind::Suspended, duration: seconds, count: None }),
        );
        let version = |v: &str| Some(FactValue::Version(v.parse().unwrap()));
        let changed = |key, from, to| Change { key, from, to, at: now.plus_ms(-150 * MINUTE) };
        let mut changes =
            vec![changed(FactKey::ChromeVersion, version("142.0.7444.175"), version("143.0.7499.41"))];
        if matches!(story, Story::Dead | Story::NoMicrophone) {
            let usb = |id| Some(FactValue::Usb(UsbId::from_number(id)));
            changes.push(changed(FactKey::InputProduct, usb(0x2481), usb(0x0e36)));
            changes.push(changed(FactKey::OsBuild, version("26100.2314"), version("26100.2454")));
        }
        if i % 3 != 2 {
            changes.retain(|c| i % 2 == 0 || c.key != FactKey::ChromeVersion);
        }
        if !changes.is_empty() {
            add(now.plus_ms(-150 * MINUTE), Body::Change(changes.clone().into()));
        }
        if *story == Story::Lost {
            let (from, to) = (now.plus_ms(-9 * HOUR), now.plus_ms(-7 * HOUR));
            let gap = Gap {
                lane: Lane::Routine,
                first: 4_000,
                last: 4_240,
                from,
                to,
                reason: GapReason::SpoolFull,
            };
            add(now.plus_ms(-HOUR), Body::Gap(gap));
        }
        let mut checks = vec![now.plus_ms(-26 * HOUR), now.plus_ms(-150 * MINUTE)];
        if *story != Story::Silent && !matches!(begin, Some((_, from)) if *from > HOUR) && begin.is_some() {
            checks.push(now.plus_ms(-9 * MINUTE));
        }
        for (c, at) in checks.iter().enumerate() {
            let home = if c == 0 { Home::default() } else { home.clone() };
            let all = readings::check(&home, &target, *at, &mut n);
            let input =
                readiness::Input { now: *at, readings: &all, history: &readiness::History::default() };
            let judged = readiness::judge(&policy, &input);
            if let Some(worst) = judged.findings.first().filter(|f| f.severity > Severity::Note && c > 0) {
                let (begin, end) = (at.plus_ms(-12 * MINUTE), Some(at.plus_ms(-3 * MINUTE)));
                let (severity, domains) = (worst.severity, worst.domains.clone());
                add(*at, Body::Episode(Episode { begin, end, severity, domains, finding: worst.clone() }));
            }
            let body = Readiness {
                trigger: if c == 1 { Trigger::PreShift } else { Trigger::Changed },
                shift: begin.filter(|_| c > 0).map(|(shift, _)| shift.parse().unwrap()),
                verdict: judged.verdict,
                valid_until: judged.valid_until,
                took: Millis::new(9_400.0),
                findings: judged.findings.into(),
                fault: judged.fault.into(),
                readings: all.into(),
                changes: if c > 0 { changes.clone().into() } else { List::new() },
            };
            add(*at, Body::Readiness(body));
        }
        for batch in reports.chunks(100) {
            let became = desk.deliver(batch.to_vec()).await;
            assert!(became.iter().all(|a| *a == Answer::Stored), "{became:?}");
        }
        if *story == Story::Cloned {
            let mut twin = desk.batch(vec![]);
            twin.instance = InstanceId::from_bytes(common::random());
            desk.post(&twin).await;
            assert_eq!(desk.post(&desk.batch(vec![])).await.status(), 409);
        }
        if *story == Story::Silent {
            // What this tool sent now, the desk would have sent while it still ran.
            db.execute("UPDATE desks SET last_seen = ?2 WHERE no = ?1", rusqlite::params![no, stopped.get()])
                .unwrap();
        }
    }
    println!("{} desks", desks.len());
}
