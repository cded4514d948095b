//! One case played: the lab with everything in it, the fault, and the check.
//!
//! Owns the order of things. Everything is new for each run and gone after it: the namespaces, the collector with its
//! store, the desk with its own.

mod authority;
mod busy;
mod collector;
mod company;
mod desk;
mod machine;
mod names;
mod routers;
mod script;
mod shapes;
mod threads;
mod traffic;
mod web;

pub use desk::{Programs, faketime};

use crate::case::{Case, Family, Resolver};
use anyhow::Context as _;
use authority::Authority;
use collector::Collector;
use desk::Desk;
use netshape::{Lab, Lateness, Layout, Place};
use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, time::Duration};
use threads::Threads;

/// Later than this in one of a hundred releases, and the lab itself is in the way of figures whose limits
/// are tens of milliseconds.
const LATE_P99: Duration = Duration::from_millis(5);

/// What came of it.
pub struct Played {
    /// Standard output of the check.
    pub said: String,
    /// Its standard error.
    pub complained: String,
    /// Its exit code; `None` if it had to be killed.
    pub exit: Option<i32>,
    /// From its start to its end.
    pub took: Duration,
    /// How late the lab was, or how busy the machine, if that was too much.
    pub late: Option<String>,
}

/// Plays a case once.
pub fn play(case: &Case, seed: u64, lane: u8, programs: &Programs) -> anyhow::Result<Played> {
    let layout = Layout {
        second_host: case.second_host(),
        second_router: case.layout.double_nat,
        second_server: true,
        company: case.desk.vpn,
        public: !case.layout.cgnat,
        card: true,
    };
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let lab = Lab::up_as(&format!("pl{}-{lane}", std::process::id()), layout).context("no lab")?;
    shapes::set(&lab, case, None, seed)?;

    // The world as it should be, and a desk that is at home in it.
    let authority = Authority::new()?;
    let mut threads = Threads::default();
    let family = case.desk.family;
    let (v4, v6) = lab.router();
    names::serve(&mut threads, &lab, Place::Gw, SocketAddr::new(v4.into(), 53), family)?;
    names::serve(&mut threads, &lab, Place::Gw, SocketAddr::new(v6.parse()?, 53), family)?;
    names::serve(&mut threads, &lab, Place::Isp, SocketAddr::new(Lab::PROVIDER_V4.into(), 53), family)?;
    web::serve(&mut threads, &lab, &authority)?;
    let _reflector = second_reflector(&lab)?;
    let collector = Collector::start(&lab, programs, &authority, folder.path(), case.desk.two_reflectors)?;
    if family == Family::Ipv6 {
        lab.ip(Place::Ws, &["-4", "addr", "flush", "dev", "wl0"])?;
    }
    let desk = Desk::new(&lab, programs, &authority, folder.path())?;
    let router = if family == Family::Ipv6 { v6 } else { v4.to_string() };
    desk.resolver(&router)?;
    desk.enrol(&collector.code()?)?;

    // The case.
    let _tunnel = if case.desk.vpn { Some(company::vpn(&lab)?) } else { None };
    match case.desk.resolver {
        Resolver::Gw => {}
        Resolver::Isp => desk.resolver(&Lab::PROVIDER_V4.to_string())?,
        Resolver::Hq => {
            let inside = SocketAddr::new(company::INSIDE.into(), 53);
            names::serve(&mut threads, &lab, Place::Hq, inside, family)?;
            desk.resolver(&company::INSIDE.to_string())?;
        }
    }
    for (router, behaviour) in &case.routers {
        let place = routers::place(*router);
        lab.nft(place, &routers::rules(behaviour)).with_context(|| format!("rules of {}", place.name()))?;
    }
    if case.layout.cgnat {
        lab.nft(Place::Isp, routers::CGNAT)?;
    }
    shapes::set(&lab, case, Some(&[]), seed)?;
    traffic::start(&mut threads, &lab, &case.traffic)?;
    let _busy = busy::start(case.desk.busy_per_processor)?;
    lab.links().directions().iter().for_each(|d| d.forget());

    let script = script::Script { case, seed, lab: &lab, clock: desk.clock() };
    let processors = machine::Processors::now()?;
    let ended = script.beside(|| desk.check(programs, case))?;
    // Where the case keeps them busy itself, that is what is to be seen.
    let others = || processors.too_busy_since().filter(|_| case.desk.busy_per_processor == 0);
    Ok(Played {
        said: ended.said,
        complained: ended.complained,
        exit: ended.exit,
        took: ended.took,
        late: too_late(&lab).or_else(others),
    })
}

/// At the second server, for policies that name two.
fn second_reflector(lab: &Lab) -> anyhow::Result<reflector::Reflector> {
    let any: SocketAddr = "[::]:862".parse()?;
    let bind = || {
        // Its thread inherits that: what keeps the desk busy must not keep the far end busy.
        netshape::be_punctual();
        reflector::Reflector::bind(any, reflector::Limits::default())
    };
    Ok(lab.inside(Place::Alt, bind)??)
}

fn too_late(lab: &Lab) -> Option<String> {
    let late = lab.links().directions().iter().map(|d| (d.name().to_owned(), Lateness::of(&d.records())));
    let (name, worst) = late.max_by_key(|(_, late)| late.p99)?;
    let limit = LATE_P99.as_nanos() as u64;
    (worst.p99 > limit)
        .then(|| format!("the lab was late: {name}: one in a hundred by {} ms", worst.p99 / 1_000_000))
}
