//! The truth table: Preshift and the tools that people know, on the same paths of the network lab, each held to
//! what the lab says that this tool's own packets got.
//!
//!     make bench-network              needs root; some 12 minutes
//!     make bench-network RUNS=5       more runs of each row; the median of their errors counts
//!
//! Must not judge by nominal values: the machine that runs the lab is late at times, and the record knows it.
#[cfg(target_os = "linux")]
#[path = "../../tests/netlab/mod.rs"]
mod netlab;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod trial;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the network lab runs on Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    // `cargo bench` and `cargo test --benches` give words of their own; a test run must not take minutes.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let number = |name, default| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (runs, packets) = (number("RUNS", 3).max(1), number("PACKETS", 250).clamp(50, 2_000) as u32);
    let only = std::env::var("ONLY").unwrap_or_default();
    let missing: Vec<&str> = tools::NEEDED.into_iter().filter(|tool| !tools::is_there(tool)).collect();
    if !missing.is_empty() {
        eprintln!("not on this machine: {}; scripts/setup.sh bench installs them", missing.join(", "));
        std::process::exit(69);
    }
    let Some(lab) = netlab::up("bench-network") else { std::process::exit(69) };
    let servers = tools::Servers::start(&lab);
    let mut rows = Vec::new();
    for path in paths::PATHS.iter().filter(|p| p.name.contains(&only)) {
        for run in 1..=runs {
            for tool in tools::ALL {
                eprint!("\r\x1b[K{}: {} ({run} of {runs})", path.name, tool.name());
                rows.push((path.name, tool, trial::held(&lab, path, tool, packets)));
            }
        }
    }
    eprint!("\r\x1b[K");
    drop(servers);
    println!("{packets} packets, 20 ms apart; the median of {runs} runs; {}", kernel());
    println!("{}", table::render(&rows));
}

#[cfg(target_os = "linux")]
fn kernel() -> String {
    let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("Linux {}, {processors} processors", version.trim())
}
