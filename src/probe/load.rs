//! How busy the computer is: CPU over a second, memory, disk, power, uptime, clock.

pub mod cpu_time;
pub mod power;
pub mod proc_files;

use super::{BoxFuture, Context, Medium, Probe};
use crate::platform::load as system;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, Load, Megabytes, Millis, Outcome, Percent, ProbeId, Reading, Seconds, Value};

/// CPU is measured over this long: long enough for a scheduler's tick of 10 ms to be 1 %, short
/// enough for a self-check.
const CPU_WINDOW: Duration = Duration::from_secs(1);

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Load, medium: Medium::Local, timeout: |_| Duration::from_secs(8), run };

/// Size of a memory or a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What a program of this user can still have.
    pub free: u64,
}

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let reading = context.begin(ProbeId::Load, None);
        let cpu = cpu().await;
        let data_dir = context.data_dir.clone();
        let rest = tokio::task::spawn_blocking(move || rest(&data_dir)).await.ok().flatten();
        let outcome = match (cpu, rest) {
            (Some((cpu, window)), Some(rest)) => Outcome::Measured(Value::Load(Load {
                cpu: Percent::new(cpu),
                cpu_window: Millis::new(window.as_secs_f64() * 1e3),
                clock_offset: context.clock_offset,
                ..rest
            })),
            _ => Outcome::Failed(Failure::System),
        };
        vec![reading.finish(outcome)]
    })
}

/// Percent of all cores that were busy, and over how long.
async fn cpu() -> Option<(f64, Duration)> {
    let began = Instant::now();
    let cpu = system::Cpu::begin()?;
    tokio::time::sleep(CPU_WINDOW).await;
    Some((cpu.busy()?, began.elapsed()))
}

/// Everything but the CPU. `None` if the system did not say what it must.
fn rest(data_dir: &Path) -> Option<Load> {
    let memory = system::memory()?;
    let disk = system::disk(&existing(data_dir)?)?;
    let power = system::power();
    Some(Load {
        cpu: Percent::default(),
        cpu_window: Millis::default(),
        memory: Percent::new(used_percent(memory)?),
        memory_total: megabytes(memory.total),
        disk_free: megabytes(disk.free),
        disk_total: megabytes(disk.total),
        power: power.source,
        battery: power.battery,
        uptime: Seconds::new(system::uptime()?.as_secs_f64()),
        clock_offset: None,
    })
}

/// The folder itself or the nearest one above it that is there: on a new desk the store is not.
fn existing(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|p| p.is_dir()).map(Path::to_owned)
}

fn used_percent(memory: Space) -> Option<f64> {
    let used = memory.total.checked_sub(memory.free)?;
    (memory.total > 0).then(|| 100.0 * used as f64 / memory.total as f64)
}

fn megabytes(bytes: u64) -> Megabytes {
    Megabytes::new(bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_tells() {
        let folder = tempfile::tempdir().unwrap();
        let load = rest(&folder.path().join("not/yet/there")).unwrap();
        assert!(load.memory.get() > 0.0 && load.memory.get() < 100.0, "{load:?}");
        assert!(load.memory_total.get() > 100.0 && load.disk_total.get() > 100.0, "{load:?}");
        assert!(load.disk_free.get() <= load.disk_total.get() && load.uptime.get() > 0.0, "{load:?}");
    }

    #[tokio::test]
    async fn a_busy_core_is_seen() {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = stop.clone();
        let busy = std::thread::spawn(move || {
            while !seen.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let (percent, window) = cpu().await.unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        busy.join().unwrap();
        // One thread that never rests takes at least some of its core, however many others compile.
        let cores = std::thread::available_parallelism().unwrap().get() as f64;
        assert!(percent > 30.0 / cores && percent <= 100.0, "{percent} of {cores} cores");
        assert!(window >= CPU_WINDOW);
    }

    #[test]
    fn memory_that_makes_no_sense_is_not_measured() {
        assert_eq!(used_percent(Space { total: 0, free: 0 }), None);
        assert_eq!(used_percent(Space { total: 1, free: 2 }), None);
        assert_eq!(used_percent(Space { total: 4, free: 1 }), Some(75.0));
    }
}
