//! The collector's program: the one that `PRESHIFT_COLLECTOR_BIN` names, otherwise built from what lies here now.

use std::{path::PathBuf, process::Command, sync::OnceLock};

/// Where it is. Built once for each test program, so that none is held to an old one.
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    if let Some(named) = std::env::var_os("PRESHIFT_COLLECTOR_BIN") {
        return named.into();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "preshift-collector", "--bin", "preshift-collector"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|s| s.success()), "the collector does not build");
    // A test is target/PROFILE/deps/NAME-HASH; the collector is target/debug/preshift-collector.
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap();
    target.join("debug").join(format!("preshift-collector{}", std::env::consts::EXE_SUFFIX))
}
