//! The paths that every tool is put on.

/// What the links do, and whether the computer is busy meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// As the table calls it.
    pub name: &'static str,
    /// Links and what they do.
    pub shapes: &'static [(&'static str, &'static str)],
    /// As many threads want a processor for themselves all the time.
    pub hogs: usize,
}

/// All of them. The first is what the others are compared with.
pub const PATHS: &[Path] = &[
    Path { name: CLEAN, shapes: &[], hogs: 0 },
    Path { name: "60 ms", shapes: &FAR, hogs: 0 },
    Path {
        name: "uniform jitter",
        shapes: &[("wifi", "delay=10ms"), ("access", "delay=20ms jitter=8ms dist=uniform seed=11")],
        hogs: 0,
    },
    Path {
        name: "normal jitter",
        shapes: &[("wifi", "delay=10ms"), ("access", "delay=20ms jitter=4ms dist=normal seed=12")],
        hogs: 0,
    },
    Path {
        name: "exponential jitter",
        shapes: &[("wifi", "delay=10ms"), ("access", "delay=20ms jitter=5ms dist=exp seed=13")],
        hogs: 0,
    },
    Path {
        name: "alternating jitter",
        shapes: &[
            ("wifi", "delay=10ms"),
            ("access.up", "delay=20ms jitter=10ms dist=alt"),
            ("access.down", "delay=20ms"),
        ],
        hogs: 0,
    },
    Path {
        name: "2 % loss",
        shapes: &[
            ("wifi", "delay=10ms"),
            ("access.up", "delay=20ms loss=2% seed=14"),
            ("access.down", "delay=20ms loss=2% seed=15"),
        ],
        hogs: 0,
    },
    Path {
        name: "loss in bursts",
        shapes: &[
            ("wifi", "delay=10ms"),
            ("access.up", "delay=20ms loss=ge:1%:25% seed=16"),
            ("access.down", "delay=20ms loss=ge:2%:30% seed=17"),
        ],
        hogs: 0,
    },
    Path { name: "60 ms, four hogs", shapes: &FAR, hogs: 4 },
];

/// A path without anything on it.
pub const CLEAN: &str = "clean";
const FAR: [(&str, &str); 3] = [("wifi", "delay=5ms"), ("access", "delay=10ms"), ("transit", "delay=15ms")];
