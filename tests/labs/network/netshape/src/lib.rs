//! The network lab: namespaces joined by emulated links, for kernels without `sch_netem`.
//!
//! A link is two TAP devices and a thread for each direction, which delays, loses, reorders and
//! doubles frames as its shape says, seeded. The machine that runs it is late at times, so it writes
//! down what each packet really got: measurements are held to that record, not to the nominal value.
//!
//! ARP, IPv6 neighbour discovery and MLD pass untouched and are not recorded.
#![cfg(target_os = "linux")]

pub mod control;
mod frame;
mod lab;
mod layout;
mod namespace;
mod pump;
mod random;
mod record;
mod shape;
mod tap;
mod tunnel;

pub use frame::{Identity, Kind};
pub use lab::{Lab, Place};
pub use layout::Layout;
pub use namespace::inside;
pub use pump::be_punctual;
pub use record::{Direction, Fate, Lateness, Record};
pub use shape::Shape;
pub use tunnel::{Mouth, Tunnel};

use pump::Pump;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};
use tap::Carries;

/// One end of a link: an interface in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The namespace by its name under `/run/netns`.
    pub namespace: String,
    /// The interface to make there.
    pub interface: String,
}

/// A link. "Up" is from its first end to its second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its ends.
    pub ends: [End; 2],
}

/// Links that run until they are dropped.
#[derive(Debug)]
pub struct Links {
    directions: Vec<Arc<Direction>>,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Links {
    /// Makes the interfaces and forwards between them.
    pub fn start(links: &[Link]) -> io::Result<Self> {
        let mut running = Self { directions: Vec::new(), end: Arc::default(), threads: Vec::new() };
        for link in links {
            let [a, b] = &link.ends;
            let a = Arc::new(tap::open(&a.namespace, &a.interface, Carries::Frames)?);
            let b = Arc::new(tap::open(&b.namespace, &b.interface, Carries::Frames)?);
            for (suffix, from, to) in [("up", &a, &b), ("down", &b, &a)] {
                let direction = Arc::new(Direction::new(format!("{}.{suffix}", link.name)));
                let pump = Pump::new(from.clone(), to.clone(), direction.clone(), running.end.clone());
                let thread = std::thread::Builder::new().name(direction.name().to_owned());
                running.threads.push(thread.spawn(move || pump.run())?);
                running.directions.push(direction);
            }
        }
        Ok(running)
    }

    /// All directions.
    pub fn directions(&self) -> &[Arc<Direction>] {
        &self.directions
    }

    /// The directions that `which` means: `wifi.up`, both of `wifi`, or `all`.
    pub fn matching(&self, which: &str) -> Vec<&Arc<Direction>> {
        let means = |name: &str| which == "all" || name == which || name.split('.').next() == Some(which);
        self.directions.iter().filter(|d| means(d.name())).collect()
    }

    /// Changes the shape of the directions that `which` means, such as `delay=20ms loss=2%`. The seeded
    /// pattern begins anew.
    pub fn set(&self, which: &str, settings: &str) -> Result<(), String> {
        let directions = self.matching(which);
        if directions.is_empty() {
            return Err(format!("there is no link '{which}'"));
        }
        // All of it or nothing: a mistake in the last word must not leave half of it in force.
        let changed: Vec<Shape> =
            directions.iter().map(|d| d.shape().with(settings)).collect::<Result<_, _>>()?;
        for (direction, shape) in directions.into_iter().zip(changed) {
            direction.set_shape(shape);
        }
        Ok(())
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic there has been printed; what it forwarded is in the record.
            let _ = thread.join();
        }
    }
}
