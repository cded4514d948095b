//! Rule of `load`.

use super::{Candidate, held_to};
use crate::Policy;
use crate::limits::Metric;
use telemetry::{FindingCode, Load, PowerSource, Reading};

const SECONDS_A_DAY: f64 = 86_400.0;

pub(super) fn rule(policy: &Policy, reading: &Reading, load: &Load) -> Vec<Candidate> {
    let on_battery = load.power == PowerSource::Battery;
    let days = (load.uptime.get() / SECONDS_A_DAY * 10.0).floor() / 10.0;
    let values = [
        (Metric::Cpu, Some(load.cpu.get()), FindingCode::CpuBusy),
        (Metric::Memory, Some(load.memory.get()), FindingCode::MemoryFull),
        (Metric::DiskFree, Some(load.disk_free.get()), FindingCode::DiskFull),
        (Metric::Battery, load.battery.filter(|_| on_battery).map(|b| b.get()), FindingCode::BatteryLow),
        (Metric::Uptime, Some(days), FindingCode::UptimeLong),
        (Metric::Clock, load.clock_offset.map(|c| c.get().abs()), FindingCode::ClockWrong),
    ];
    values
        .into_iter()
        .filter_map(|(metric, value, code)| held_to(policy, metric, value?, code, reading))
        .collect()
}
