//! What the package managers of Linux say of the few packages that matter here. No other
//! package's name is kept.

use crate::environment::{
    Places, Seen,
    browser::{self, Coverage, Installed, dpkg, pacman, rpm},
    read,
};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Mutex,
    time::SystemTime,
};

const DPKG: &str = "var/lib/dpkg/status";
const PACMAN: &str = "var/lib/pacman/local";
const RPM: [&str; 2] = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];
/// Databases of rpm in forms that are not read here.
const OTHER_RPM: [&str; 3] =
    ["usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"];

/// The packages that matter.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    found: Vec<(String, String)>,
    failed: bool,
    foreign: bool,
    known: bool,
}

impl Packages {
    /// Files whose change may mean another package.
    pub const FILES: [&str; 5] = [DPKG, PACMAN, RPM[0], RPM[1], "usr/lib/sysimage/rpm/Packages.db"];

    /// Asks every package manager that this system has.
    pub fn of(places: &Places) -> Self {
        let mut packages = Self::default();
        packages.take(dpkg_packages(&places.system(DPKG)));
        packages.take(pacman_packages(&places.system(PACMAN)));
        for path in RPM.map(|p| places.system(p)).iter().filter(|p| !p.is_symlink()) {
            packages.take(rpm_packages(path));
        }
        packages.foreign = OTHER_RPM.iter().any(|p| places.system(p).exists());
        packages
    }

    fn take(&mut self, from: Seen<Vec<(String, String)>>) {
        match from {
            Seen::Is(found) => {
                self.known = true;
                self.found.extend(found);
            }
            Seen::Nothing | Seen::Unsupported => {}
            Seen::Unreadable => self.failed = true,
        }
    }

    /// The browsers among them.
    pub fn browsers(&self) -> Vec<Installed> {
        self.found.iter().filter_map(|(name, version)| browser::of_package(name, version)).collect()
    }

    /// How much is known.
    pub fn coverage(&self) -> Coverage {
        match self {
            Self { failed: true, .. } => Coverage::Failed,
            Self { foreign: true, .. } | Self { known: false, .. } => Coverage::Part,
            _ => Coverage::Whole,
        }
    }
}

fn wanted(name: &str) -> bool {
    browser::PACKAGES.iter().any(|(n, ..)| *n == name)
}

/// What was found in a file, and of which state of it.
type Cached = Option<(PathBuf, SystemTime, u64, Vec<(String, String)>)>;
/// The status file is large and rarely written: what was found in it is kept for as long.
static CACHE: Mutex<Cached> = Mutex::new(None);

fn dpkg_packages(path: &Path) -> Seen<Vec<(String, String)>> {
    let read = || {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        let (written, size) = (meta.modified()?, meta.len());
        let mut cache = CACHE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((p, w, s, found)) = &*cache
            && (p.as_path(), *w, *s) == (path, written, size)
        {
            return Ok(found.clone());
        }
        let found = dpkg::installed(BufReader::with_capacity(65_536, file), &wanted)?;
        *cache = Some((path.to_owned(), written, size, found.clone()));
        Ok(found)
    };
    read::seen(read())
}

fn pacman_packages(folder: &Path) -> Seen<Vec<(String, String)>> {
    let of = |name: &String| {
        let (name, version) = pacman::package(name).filter(|(n, _)| wanted(n))?;
        Some((name.to_owned(), version.to_owned()))
    };
    read::names(folder).map(|names| names.iter().filter_map(of).collect())
}

fn rpm_packages(path: &Path) -> Seen<Vec<(String, String)>> {
    if !path.exists() {
        return Seen::Nothing;
    }
    // The database is root's and in WAL mode, which a reader without rights can open only while the
    // side files are there; without them nobody is writing, and it can be read as it lies.
    let found = rpm_query(path, "mode=ro").or_else(|_| rpm_query(path, "mode=ro&immutable=1"));
    Seen::or_unreadable(found.ok())
}

fn rpm_query(path: &Path, how: &str) -> rusqlite::Result<Vec<(String, String)>> {
    use rusqlite::{Connection, OpenFlags};
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(format!("file:{escaped}?{how}"), flags)?;
    let mut query = database.prepare(
        "SELECT blob FROM Packages WHERE hnum IN (SELECT hnum FROM Name WHERE key = ?1) AND length(blob) < 16777216",
    )?;
    let mut found = Vec::new();
    for name in browser::PACKAGES.iter().map(|(n, ..)| *n) {
        let mut rows = query.query([name])?;
        while let Some(row) = rows.next()? {
            let version = rpm::version(row.get_ref(0)?.as_blob().unwrap_or_default());
            found.extend(version.map(|v| (name.to_owned(), v.to_owned())));
        }
    }
    Ok(found)
}
