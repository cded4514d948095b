//! Whole systems in a folder: what each distribution's files come to.

use super::*;
use std::path::Path;
use telemetry::{FactKey, FactValue};

#[test]
fn links_in_a_circle_are_unreadable_and_end() {
    use std::os::unix::fs::symlink;
    let (root, places) = system(&[("etc/debian_version", b"12.8\n")]);
    for path in [
        "etc/os-release",
        "run/reboot-required",
        "lib/modules",
        "snap/firefox/current",
        "var/lib/dpkg/status",
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&path, &path).unwrap();
    }
    let facts = os(&places).facts();
    assert_eq!([OsName, OsVersion, PendingRestart].map(|k| said(&facts, k)), ["Unknown"; 3]);
    assert_eq!(browser_facts(&places, &[FirefoxVersion, ChromeVersion]), ["Unknown", "Unknown"]);
    // What only asks whether something moved ends as well.
    watch(&places, &mut std::hash::DefaultHasher::new());
}

/// Makes a system out of files and their contents.
fn system(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Places) {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let places = Places::within(root.path(), Some("home/anna"), Some("run/user/1000"));
    (root, places)
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/", $name)) as &[u8]
    };
}

fn said(facts: &[(FactKey, FactValue)], key: FactKey) -> String {
    match facts.iter().find(|(k, _)| *k == key).map(|(_, v)| v) {
        Some(FactValue::Version(v)) => v.to_string(),
        Some(FactValue::Word(w)) => format!("{w:?}"),
        Some(FactValue::Flag(f)) => f.to_string(),
        other => format!("{other:?}"),
    }
}

fn browser_facts(places: &Places, keys: &[FactKey]) -> Vec<String> {
    let facts = browsers(places).facts();
    keys.iter().map(|k| said(&facts, *k)).collect()
}

use FactKey::*;

#[test]
fn debian() {
    let (_root, places) = system(&[
        ("etc/os-release", fixture!("os-release/debian-12")),
        ("etc/debian_version", b"12.8\n"),
        ("proc/sys/kernel/osrelease", b"6.1.0-28-amd64\n"),
        ("proc/stat", b"cpu 1 2 3 4\nbtime 1000\n"),
        ("lib/modules/6.1.0-28-amd64/modules.order", b""),
        ("var/lib/dpkg/status", fixture!("dpkg/debian-12")),
    ]);
    let facts = os(&places).facts();
    let words = [OsName, OsVersion, OsBuild, PendingRestart].map(|k| said(&facts, k));
    assert_eq!(words, ["Debian", "12.8", "6.1.0.28", "false"]);
    assert_eq!(
        browser_facts(&places, &[ChromeVersion, ChromeChannel, FirefoxVersion, FirefoxChannel, EdgeVersion]),
        ["131.0.6778.85", "Stable", "128.5.0-esr", "Esr", "None"]
    );
}

#[test]
fn ubuntu_with_snaps_and_a_restart_that_waits() {
    let (_root, places) = system(&[
        ("etc/os-release", fixture!("os-release/ubuntu-24.04")),
        ("proc/sys/kernel/osrelease", b"6.8.0-49-generic\n"),
        ("run/reboot-required", b"*** System restart required ***\n"),
        ("var/lib/dpkg/status", fixture!("dpkg/ubuntu-24.04")),
        ("snap/firefox/current/meta/snap.yaml", fixture!("snap/ubuntu-24.04-firefox-133.yaml")),
        ("snap/chromium/current/meta/snap.yaml", b"broken"),
    ]);
    assert_eq!(said(&os(&places).facts(), PendingRestart), "true");
    assert_eq!(
        browser_facts(
            &places,
            &[FirefoxVersion, FirefoxChannel, ChromiumVersion, ChromiumChannel, BraveVersion]
        ),
        ["133.0", "Snap", "Unknown", "Snap", "None"]
    );
}

#[test]
fn arch_with_a_flatpak_of_the_users_own() {
    let (_root, places) = system(&[
        ("etc/os-release", fixture!("os-release/arch")),
        ("proc/sys/kernel/osrelease", b"6.12.1-arch1-1\n"),
        ("proc/stat", b"btime 1000\n"),
        ("lib/modules/6.12.2-arch1-1/modules.order", b""),
        ("var/lib/pacman/local/firefox-developer-edition-134.0b3-1/desc", b""),
        ("var/lib/pacman/local/ALPM_DB_VERSION", b"9\n"),
        (
            "home/anna/.local/share/flatpak/app/com.google.Chrome/current/active/files/share/metainfo/com.google.Chrome.metainfo.xml",
            fixture!("flatpak/chrome-131-one-line.xml"),
        ),
    ]);
    let facts = os(&places).facts();
    assert_eq!([OsName, OsVersion, PendingRestart].map(|k| said(&facts, k)), ["Arch", "None", "true"]);
    assert_eq!(
        browser_facts(&places, &[FirefoxVersion, FirefoxChannel, ChromeVersion, ChromeChannel]),
        ["134.0", "Dev", "131.0.6778.85", "Flatpak"]
    );
}

/// A database of rpm: its two tables, one package with the header that rpm wrote.
fn rpm_database(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
             CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);
             INSERT INTO Name VALUES ('google-chrome-stable', 1, 0), ('firefox', 2, 0);",
        )
        .unwrap();
    let broken: &[u8] = b"no header";
    database
        .execute(
            "INSERT INTO Packages VALUES (1, ?1), (2, ?2)",
            [fixture!("rpm/fedora-41-google-chrome.bin"), broken],
        )
        .unwrap();
}

#[test]
fn fedora() {
    let (root, places) = system(&[("etc/os-release", fixture!("os-release/fedora-41"))]);
    rpm_database(&root.path().join("usr/lib/sysimage/rpm/rpmdb.sqlite"));
    let wanted = [ChromeVersion, ChromeChannel, FirefoxVersion, EdgeVersion];
    assert_eq!(browser_facts(&places, &wanted), ["131.0.6778.85", "Stable", "None", "None"]);
    assert_eq!(said(&os(&places).facts(), PendingRestart), "Unknown");
}

#[test]
fn a_database_that_cannot_be_read_removes_nothing() {
    let (root, places) = system(&[
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", &[0x42; 8192]),
        ("snap/firefox/current/meta/snap.yaml", fixture!("snap/ubuntu-24.04-firefox-133.yaml")),
    ]);
    assert_eq!(browser_facts(&places, &[FirefoxVersion, ChromeVersion]), ["Unknown", "Unknown"]);
    fs::remove_file(root.path().join("usr/lib/sysimage/rpm/rpmdb.sqlite")).unwrap();
    assert_eq!(browser_facts(&places, &[FirefoxVersion, ChromeVersion]), ["133.0", "Unknown"]);
    fs::create_dir_all(root.path().join("var/lib/dpkg/status")).unwrap();
    assert_eq!(browser_facts(&places, &[FirefoxVersion]), ["Unknown"]);
}

#[test]
fn a_firefox_beside_the_package_manager() {
    let (_root, places) = system(&[
        ("var/lib/dpkg/status", b""),
        ("home/anna/firefox/application.ini", fixture!("application-ini/firefox-135-nightly.ini")),
    ]);
    assert_eq!(browser_facts(&places, &[FirefoxVersion, FirefoxChannel]), ["135.0", "Nightly"]);
}

#[test]
fn the_cache_sees_a_new_status_file() {
    let (root, places) = system(&[("var/lib/dpkg/status", fixture!("dpkg/debian-12"))]);
    assert_eq!(browser_facts(&places, &[ChromeVersion]), ["131.0.6778.85"]);
    let status =
        String::from_utf8_lossy(fixture!("dpkg/debian-12")).replace("131.0.6778.85", "131.0.6778.108");
    fs::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
    assert_eq!(browser_facts(&places, &[ChromeVersion]), ["131.0.6778.108"]);
}

#[test]
fn the_fingerprint_moves_with_what_it_watches() {
    use std::hash::DefaultHasher;
    let (root, places) = system(&[
        ("var/lib/dpkg/status", b"a"),
        ("proc/net/route", b"head\nwlan0 00000000 0100A8C0 0003 0 0 600 00000000 0 0 0\n"),
    ]);
    let look = || {
        let mut hasher = DefaultHasher::new();
        watch(&places, &mut hasher);
        hasher.finish()
    };
    let mut seen = vec![look()];
    assert_eq!(look(), seen[0]);
    for (path, content) in [
        ("var/lib/dpkg/status", "ab"),
        ("proc/net/route", "head\neth0 00000000 0100A8C0 0003 0 0 100 00000000 0 0 0\n"),
        ("proc/net/route", "head\n"),
        ("run/reboot-required", ""),
        ("sys/class/net/tun0/operstate", "up"),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        assert!(!seen.contains(&look()));
        seen.push(look());
    }
}
