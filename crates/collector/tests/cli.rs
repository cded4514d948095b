//! The command line as people use it: what it prints, and how it exits.

use std::{
    path::Path,
    process::{Command, Output},
};

fn run(data: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_preshift-collector");
    Command::new(program).args(args).arg("--data").arg(data).output().unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn codes_and_tokens_are_printed_once_and_alone() {
    let data = tempfile::tempdir().unwrap();
    let (code, out, err) = said(&run(data.path(), &["enroll-code", "--team", "support"]));
    assert_eq!(code, 0);
    out.trim_end().parse::<telemetry::EnrollCode>().unwrap();
    assert!(err.contains("one desk of team support"), "{err}");
    let (code, out, err) = said(&run(data.path(), &["token", "rotate", "--quiet"]));
    assert_eq!((code, out.trim_end().len(), err.as_str()), (0, 43, ""));
}

#[test]
fn what_is_wrong_is_told_with_its_own_exit_code() {
    let data = tempfile::tempdir().unwrap();
    let (code, out, err) = said(&run(data.path(), &["desks", "list"]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("there is no store in"), "{err}");
    for usage in
        [&["enroll-code"][..], &["enroll-code", "--team", "A b"], &["fly"], &["serve", "--tls-cert", "x"]]
    {
        assert_eq!(said(&run(data.path(), usage)).0, 64, "{usage:?}");
    }
    let (code, _, err) = said(&run(data.path(), &["serve", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, 1);
    assert!(err.contains("is not a loopback address"), "{err}");

    assert_eq!(said(&run(data.path(), &["token", "rotate"])).0, 0);
    let plan = data.path().join("shifts.csv");
    std::fs::write(&plan, "desk,shift,begin,end,zone\nnobody,s,2026-11-23T08:00,2026-11-23T16:00,UTC\n")
        .unwrap();
    let (code, _, err) = said(&run(data.path(), &["shifts", "set", plan.to_str().unwrap()]));
    assert_eq!(code, 65);
    assert!(err.contains("line 2: unknown desk 'nobody'"), "{err}");
    let policy = data.path().join("policy.toml");
    std::fs::write(&policy, "name = 1\n").unwrap();
    assert_eq!(said(&run(data.path(), &["policy", "set", policy.to_str().unwrap()])).0, 65);
}

/// Desks are told plain targets: an older one need not know the profile.
#[test]
fn a_profile_in_a_policy_is_put_in_its_place_when_it_is_set() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(said(&run(data.path(), &["token", "rotate"])).0, 0);
    let policy = data.path().join("policy.toml");
    let set = |profile: &str| {
        std::fs::write(&policy, format!("id = \"p\"\nversion = 1\nprofile = \"{profile}\"\n")).unwrap();
        said(&run(data.path(), &["policy", "set", policy.to_str().unwrap()]))
    };
    let (code, _, err) = set("genesys-cloud");
    assert_eq!(code, 65);
    assert!(err.contains("needs a region: write genesys-cloud/REGION with one of us-east-1, "), "{err}");
    let (code, _, err) = set("genesys-cloud/eu-west-1");
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("It takes profile genesys-cloud/eu-west-1 version 1"), "{err}");
    let (code, out, _) = said(&run(data.path(), &["policy", "show"]));
    assert_eq!(code, 0);
    assert!(out.contains("wss://streaming.mypurecloud.ie/") && !out.contains("profile ="), "{out}");
    readiness::Policy::parse(&out).unwrap();
}

#[cfg(unix)]
#[test]
fn the_store_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("store");
    assert_eq!(said(&run(&folder, &["token", "rotate", "--quiet"])).0, 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("collector.db"))), (0o700, 0o600));
}
