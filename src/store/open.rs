//! Opening the database: rights, settings, health, and what happens to a damaged one.
//!
//! Only damage puts a file aside: a bad header, garbage in its pages, a failed check, a database of
//! somebody else. A full disk, missing rights or a newer version never do.

use super::{Doing, Error, Limits, schema, state};
use crate::{platform::files, random::Random};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use telemetry::{Epoch, UnixMs};

/// The database's name in the data folder.
pub(super) const FILE: &str = "preshift.db";
/// Damaged databases that are kept; older ones make way.
const KEPT: usize = 3;
/// SQLite's side files.
const SIDES: [&str; 3] = ["", "-wal", "-shm"];

/// Opens, repairs if needed, and brings to this version.
pub(super) fn open(dir: &Path, limits: &Limits, now: UnixMs, random: &Random) -> Result<Connection, Error> {
    files::make_private_dir(dir).doing("make its folder")?;
    match open_sound(dir, limits, random) {
        Err(Error::Damaged) => {
            tracing::error!("the local store is damaged; it is put aside and a new one begins");
            put_aside(dir, now)?;
            begin_anew(dir, limits, random)
        }
        other => other,
    }
}

/// Opens without repairing.
pub(super) fn open_as_it_is(dir: &Path, limits: &Limits, random: &Random) -> Result<Connection, Error> {
    files::make_private_dir(dir).doing("make its folder")?;
    open_sound(dir, limits, random)
}

/// Begins a store after a damaged one, and remembers to tell.
pub(super) fn begin_anew(dir: &Path, limits: &Limits, random: &Random) -> Result<Connection, Error> {
    let db = open_sound(dir, limits, random)?;
    state::put(&db, "reset_untold", "true")?;
    Ok(db)
}

/// Renames a damaged database and its side files to a dated name, and lets the oldest of more than
/// a few such go.
pub(super) fn put_aside(dir: &Path, now: UnixMs) -> Result<(), Error> {
    let stamp = jiff::Timestamp::from_millisecond(now.get())
        .map(|t| t.strftime("%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_else(|_| now.get().to_string());
    let name =
        (0..)
            .map(|n| {
                if n == 0 { format!("{FILE}.damaged-{stamp}") } else { format!("{FILE}.damaged-{stamp}-{n}") }
            })
            .find(|name| SIDES.iter().all(|side| !dir.join(format!("{name}{side}")).exists()))
            .unwrap_or_default();
    for side in SIDES {
        match std::fs::rename(dir.join(format!("{FILE}{side}")), dir.join(format!("{name}{side}"))) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).doing("put a damaged database aside");
            }
            _ => {}
        }
    }
    files::sync_dir(dir).doing("put a damaged database aside")?;
    let aside = put_aside_before(dir)?;
    for old in aside.iter().take(aside.len().saturating_sub(KEPT)) {
        for side in SIDES {
            let mut path = old.clone().into_os_string();
            path.push(side);
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

/// Databases put aside, oldest first: their names sort by date.
fn put_aside_before(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let prefix = format!("{FILE}.damaged-");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .doing("list its folder")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .map(|name| name.trim_end_matches("-wal").trim_end_matches("-shm").to_owned())
        .map(|name| dir.join(name))
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn open_sound(dir: &Path, limits: &Limits, random: &Random) -> Result<Connection, Error> {
    let path = dir.join(FILE);
    let length = |side: &str| std::fs::metadata(dir.join(format!("{FILE}{side}"))).map_or(0, |m| m.len());
    // SQLite would throw away a log whose database is gone: that is damage, and worth keeping.
    if length("") == 0 && length("-wal") > 0 {
        return Err(Error::Damaged);
    }
    for side in SIDES {
        let side = dir.join(format!("{FILE}{side}"));
        // The side files take over the rights of the database; those that are there are tightened.
        if side == path || side.exists() {
            files::make_private_file(&side).doing("set its rights")?;
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&path, flags).doing("open")?;
    db.busy_timeout(std::time::Duration::from_secs(5)).doing("open")?;
    let version = check_version(&db)?;
    settings(&db, limits)?;
    if version > 0 {
        check_health(&db)?;
    }
    schema::migrate(&mut db, version)?;
    if state::take::<Epoch>(&db, "epoch")?.is_none() {
        state::put(&db, "epoch", &format!("\"{}\"", Epoch::from_bytes(random.bytes())))?;
    }
    // Side files that came with the writes above. They took over rights from the folder or the database, and
    // get their own, so that they do not hang on either.
    for side in SIDES.map(|side| dir.join(format!("{FILE}{side}"))) {
        if side.exists() {
            files::tighten(&side).doing("set its rights")?;
        }
    }
    Ok(db)
}

/// The version of what is there; 0 if it is empty.
fn check_version(db: &Connection) -> Result<i64, Error> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).doing("open");
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_master")?;
    match (application, version) {
        (schema::APPLICATION, v) if v > schema::VERSION => {
            Err(Error::Newer { found: v, known: schema::VERSION })
        }
        (schema::APPLICATION, v) if v > 0 => Ok(v),
        // Nothing in it: a start that was cut off before the first step.
        (0, 0) if tables == 0 => Ok(0),
        _ => Err(Error::Damaged),
    }
}

fn settings(db: &Connection, limits: &Limits) -> Result<(), Error> {
    let mode: String =
        db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).doing("switch to its log")?;
    if mode != "wal" {
        return Err(Error::Sqlite { doing: "switch to its log", source: rusqlite::Error::InvalidQuery });
    }
    let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0)).doing("open")?;
    // 256 KiB of cache and a log of 1 MiB: the daemon shall be small, and its writes are.
    db.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -256; PRAGMA wal_autocheckpoint = 128;
         PRAGMA journal_size_limit = 1048576; PRAGMA max_page_count = {};",
        (limits.file_bytes as i64 / page.max(512)).max(16)
    ))
    .doing("open")?;
    db.set_prepared_statement_cache_capacity(16);
    Ok(())
}

fn check_health(db: &Connection) -> Result<(), Error> {
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).doing("check")?;
    if said == "ok" { Ok(()) } else { Err(Error::Damaged) }
}
