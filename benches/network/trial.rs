//! One tool on one path, held to what the lab says of its packets.

use crate::{
    netlab::{Netlab, Truth},
    paths::Path,
    tools::{Said, Tool},
};
use std::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A run in which the lab itself was late is repeated.
const ATTEMPTS: usize = 4;

/// What a tool said, and what it should have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// By the tool.
    pub said: Said,
    /// By the lab.
    pub truth: Said,
}

/// Runs it. An error says why there is nothing to compare.
pub fn held(lab: &Netlab, path: &Path, tool: Tool, packets: u32) -> Result<Trial, String> {
    let mut late = String::new();
    for _ in 0..ATTEMPTS {
        lab.set("all", "");
        for (which, settings) in path.shapes {
            lab.set(which, settings);
        }
        lab.links().directions().iter().for_each(|d| d.forget());
        let said = busy(path.hogs, || tool.measure(lab, packets))?;
        let (request, reply) = tool.kinds();
        let truth = Truth::of(lab.links(), request, reply);
        match truth.too_late() {
            // With every processor taken the lab is late too; its record of when it released a packet holds all the same.
            Some(how) if path.hogs == 0 => late = how,
            _ => return Ok(Trial { said, truth: of(&truth, tool, packets) }),
        }
    }
    Err(format!("the lab was late: {late}"))
}

fn of(truth: &Truth, tool: Tool, packets: u32) -> Said {
    // ping counts from 1, and Preshift asks for the reflector's count with packets of its own after the stream.
    let stream = match tool {
        Tool::Ping => truth.of_first(packets + 1),
        _ => truth.of_first(packets),
    };
    let share = |part: usize, of: usize| (of > 0).then(|| 100.0 * (of - part.min(of)) as f64 / of as f64);
    Said {
        loss_up: share(stream.reached(), stream.sent()),
        loss_down: share(stream.back(), stream.reached()),
        ..Said::of(&stream.round_trips())
    }
}

/// Runs `work` while as many threads spin.
fn busy<T>(hogs: usize, work: impl FnOnce() -> T) -> T {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..hogs {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        let done = work();
        end.store(true, Ordering::Relaxed);
        done
    })
}
