//! Facts of the environment, as Linux tells.

use super::packages::Packages;
use crate::environment::{
    Places, Seen,
    browser::{self, Found, Installed, application_ini, flatpak, snap},
    os::{
        Os,
        kernels::{self, Kernel},
        os_release,
    },
    read, routes,
    watch::stamp,
};
use crate::probe::load::proc_files;
use std::{
    fs,
    hash::{Hash, Hasher},
    path::PathBuf,
    time::{Duration, SystemTime},
};
use telemetry::Word;

/// Far more than any of the small files has.
const SMALL: u64 = 65_536;
/// Of a flatpak's metainfo only the beginning matters: the newest release comes first.
const METAINFO: u64 = 262_144;

/// Files of which one says that a restart is asked for.
const RESTART: [&str; 2] = ["run/reboot-required", "var/run/reboot-required"];
/// Files of which one means that this system writes the above.
const RESTART_WRITERS: [&str; 3] = [
    "usr/share/update-notifier/notify-reboot-required",
    "etc/kernel/postinst.d/unattended-upgrades",
    "etc/kernel/postinst.d/update-notifier",
];
/// Snaps, and where their distributions mount them.
const SNAPS: [(&str, browser::Browser); 3] = [
    ("firefox", browser::Browser::Firefox),
    ("chromium", browser::Browser::Chromium),
    ("brave", browser::Browser::Brave),
];
const SNAP_FOLDERS: [&str; 2] = ["snap", "var/lib/snapd/snap"];
/// Where a Firefox lies that no package manager knows.
const FIREFOX_FOLDERS: [&str; 4] =
    ["opt/firefox", "usr/lib/firefox", "usr/lib64/firefox", "usr/local/firefox"];
const FIREFOX_FOLDERS_AT_HOME: [&str; 3] = ["firefox", ".local/share/firefox", ".local/opt/firefox"];

/// The operating system.
pub fn os(places: &Places) -> Os {
    let file = match read::text(&places.system("etc/os-release"), SMALL) {
        Seen::Nothing => read::text(&places.system("usr/lib/os-release"), SMALL),
        other => other,
    };
    let debian = read::text(&places.system("etc/debian_version"), SMALL).is();
    let (name, version) = match file.map(|text| os_release::parse(&text, debian.as_deref())) {
        Seen::Is((name, version)) => (Seen::Is(name), version),
        Seen::Nothing => (Seen::Is(Word::Linux), Seen::Nothing),
        _ => (Seen::Unreadable, Seen::Unreadable),
    };
    let running = read::text(&places.system("proc/sys/kernel/osrelease"), SMALL);
    let build = match &running {
        Seen::Is(release) => Seen::or_unreadable(kernels::version(release)),
        _ => Seen::Unreadable,
    };
    let running = running.is().unwrap_or_default();
    Os { name, version, build, pending_restart: pending_restart(places, &running) }
}

fn pending_restart(places: &Places, running: &str) -> Seen<bool> {
    if RESTART.iter().any(|f| places.system(f).exists()) {
        return Seen::Is(true);
    }
    let by_kernel =
        started(places).and_then(|at| kernels::restart_pending(running, &installed_kernels(places), at));
    match by_kernel {
        Some(pending) => Seen::Is(pending),
        None if RESTART_WRITERS.iter().any(|f| places.system(f).exists()) => Seen::Is(false),
        None => Seen::Unreadable,
    }
}

fn started(places: &Places) -> Option<SystemTime> {
    let stat = read::text(&places.system("proc/stat"), SMALL * 16).is()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(proc_files::started(&stat)?))
}

fn installed_kernels(places: &Places) -> Vec<Kernel> {
    let folder = places.system("lib/modules");
    let Seen::Is(names) = read::names(&folder) else { return Vec::new() };
    // An empty folder is what a removed kernel leaves when another package had put a module there.
    let whole = |name: &String| folder.join(name).join("modules.order").exists();
    let kernel = |release: String| {
        let written = fs::metadata(folder.join(&release)).and_then(|m| m.modified()).ok()?;
        Some(Kernel { release, written })
    };
    names.into_iter().filter(whole).filter_map(kernel).collect()
}

/// The browsers that are installed.
pub fn browsers(places: &Places) -> Found {
    let packages = Packages::of(places);
    let mut found = Found { installed: packages.browsers(), coverage: packages.coverage() };
    found.installed.extend(snaps(places));
    found.installed.extend(flatpaks(places));
    if !found.installed.iter().any(|i| i.browser == browser::Browser::Firefox) {
        found.installed.extend(firefox_without_package(places));
    }
    found
}

fn snaps(places: &Places) -> impl Iterator<Item = Installed> {
    SNAP_FOLDERS.iter().flat_map(move |folder| {
        SNAPS.iter().filter_map(move |(name, browser)| {
            let version =
                match read::text(&places.system(&format!("{folder}/{name}/current/meta/snap.yaml")), SMALL) {
                    Seen::Is(yaml) => snap::version(&yaml),
                    Seen::Nothing => return None,
                    _ => None,
                };
            Some(Installed { browser: *browser, channel: Word::Snap, version })
        })
    })
}

fn flatpaks(places: &Places) -> Vec<Installed> {
    let folders = [Some(places.system("var/lib/flatpak/app")), places.home(".local/share/flatpak/app")];
    let mut found = Vec::new();
    for folder in folders.into_iter().flatten() {
        for (id, browser) in flatpak::APPLICATIONS {
            let files = folder.join(id).join("current/active/files/share");
            if !files.is_dir() {
                continue;
            }
            let texts = [format!("metainfo/{id}.metainfo.xml"), format!("appdata/{id}.appdata.xml")];
            let version = texts
                .iter()
                .find_map(|file| flatpak::version(&read::text(&files.join(file), METAINFO).is()?));
            found.push(Installed { browser, channel: Word::Flatpak, version });
        }
    }
    found
}

fn firefox_without_package(places: &Places) -> Option<Installed> {
    let system = FIREFOX_FOLDERS.iter().map(|f| places.system(f));
    let home = FIREFOX_FOLDERS_AT_HOME.iter().filter_map(|f| places.home(f));
    let at =
        |folder: PathBuf| application_ini::firefox(&read::text(&folder.join("application.ini"), SMALL).is()?);
    system.chain(home).find_map(at)
}

/// Takes everything into account that a fact is read from.
pub fn watch(places: &Places, into: &mut dyn Hasher) {
    for path in [
        "etc/os-release",
        "etc/localtime",
        "etc/resolv.conf",
        "run/systemd/resolve/resolv.conf",
        "lib/modules",
        "snap",
        "snap/firefox/current",
        "snap/chromium/current",
        "snap/brave/current",
        "var/lib/snapd/snap/firefox/current",
        "var/lib/snapd/snap/chromium/current",
        "var/lib/flatpak/.changed",
        "opt/firefox/application.ini",
    ] {
        stamp(&places.system(path), into);
    }
    RESTART.iter().for_each(|path| stamp(&places.system(path), into));
    Packages::FILES.iter().for_each(|path| stamp(&places.system(path), into));
    for path in
        [".local/share/flatpak/.changed", "firefox/application.ini"].iter().filter_map(|p| places.home(p))
    {
        stamp(&path, into);
    }
    for path in ["pulse/pid", "pipewire-0"].iter().filter_map(|p| places.runtime(p)) {
        stamp(&path, into);
    }
    let mut into = into;
    // The kernel's list of sound cards: a headset that is plugged in or out.
    read::text(&places.system("proc/asound/cards"), SMALL).is().hash(&mut into);
    if let Seen::Is(table) = read::text(&places.system("proc/net/route"), SMALL) {
        routes::ipv4(&table).hash(&mut into);
    }
    if let Seen::Is(table) = read::text(&places.system("proc/net/ipv6_route"), SMALL) {
        routes::ipv6(&table).hash(&mut into);
    }
    if let Seen::Is(mut names) = read::names(&places.system("sys/class/net")) {
        names.sort();
        names.hash(&mut into);
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
