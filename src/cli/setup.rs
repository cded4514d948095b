//! `preshift setup`: what an installer asks of the program that it installs. Not for people, and hidden from them.
//!
//! Each part can be run again without harm. Nothing here waits for a collector longer than a moment: an
//! installation must not fail because of a network, and a removal must not fail at all.

use super::{
    Exit, autostart,
    exit::Ends,
    owner::{self, Owner},
    upgraded,
};
use crate::{
    aside,
    config::{self, Settings, Source},
    control::{Answer, Request},
    deliver::{self, Goodbye, Preset},
    identity::Identity,
    platform::{autostart as system, files},
    random::Random,
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::{
    ffi::OsString,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// How long a goodbye to the collector may take.
const GOODBYE: Duration = Duration::from_secs(15);
/// How long the launcher may take to see that the daemon ended.
const LAUNCHER_ENDS: Duration = Duration::from_secs(5);
/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(50);
/// In the folder of the programs while an upgrade replaces them.
const UPGRADING: &str = "upgrading";
/// From setting aside to the removal of the old version, an installer needs seconds; a mark that is older was left by
/// an upgrade that failed before the new version's part began. Then a removal is meant again.
const UPGRADE: Duration = Duration::from_secs(120);
/// The programs of a package, by their names without the system's suffix.
const PROGRAMS: [&str; 2] = ["preshift", "preshiftw"];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set the programs of this folder aside, so that running ones can be replaced
    Aside,
    /// Take an enrolment file in, and start the daemon now and at logon
    Install(Install),
    /// Stop and deregister the daemon, unenrol, and remove what it kept
    Remove(Remove),
}

#[derive(Debug, Args)]
pub struct Install {
    /// An enrolment file, by its full path; empty is none
    // No `PathBuf`: for that the parser refuses an empty value, and a property that nobody set is one.
    #[arg(long, value_name = "FILE", default_value = "")]
    enrolment: OsString,
    /// Anything but nothing: a version was installed before. Then what the agent chose about starting at logon holds
    #[arg(long, value_name = "WHICH", default_value = "")]
    upgrade: OsString,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// 1 keeps this desk's settings, history, id and enrolment; 0 or empty does not
    #[arg(long, value_name = "0|1", default_value = "")]
    keep_data: String,
}

pub fn run(settings: Arc<Settings>, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Aside => set_aside(),
        Command::Install(options) => install(&settings, options),
        Command::Remove(options) => remove(settings, options),
    }
}

fn set_aside() -> anyhow::Result<Exit> {
    // Windows Installer removes the old version before it installs the new one, and says so by a property. What
    // an agent has gathered must not hang on a property alone.
    let mark = upgrade_mark()?;
    fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))?;
    for program in programs()? {
        // What an upgrade before this one left behind, and nobody runs any more.
        let _ = aside::sweep(&program);
        if program.exists() {
            aside::set_aside(&program)
                .with_context(|| format!("{} cannot be set aside", program.display()))?;
        }
    }
    Ok(Exit::Done)
}

fn install(settings: &Settings, options: &Install) -> anyhow::Result<Exit> {
    // The old version is gone by now. If this fails, the mark must not keep a removal from removing.
    let mark = upgrade_mark()?;
    absent(fs::remove_file(&mark), &mark)?;
    if !options.enrolment.is_empty() {
        take_in(settings, Path::new(&options.enrolment))?;
    }
    for program in programs()? {
        let _ = aside::sweep(&program);
    }
    if !options.upgrade.is_empty() && !starts_at_logon() {
        // One that was started by hand runs even so.
        let _ = upgraded::run(settings);
        anstream::println!(
            "Preshift does not start at logon, as before. To have it start: preshift autostart on"
        );
        return Ok(Exit::Done);
    }
    let started = autostart::start(settings)?;
    // An older one that runs takes over when it may; asked for now, it need not notice by itself.
    let _ = upgraded::run(settings);
    anstream::println!("Preshift starts whenever you log on, by {}.", started.done.means);
    if !started.answers {
        // A virus scanner may keep a new program for longer than an installer should wait.
        anstream::println!("It does not answer yet; it starts at the next logon at the latest.");
    }
    Ok(Exit::Done)
}

/// Whether the daemon is registered and not switched off. What cannot be asked is left as it is: an upgrade puts
/// its programs where the old ones were, and nothing needs registering anew.
fn starts_at_logon() -> bool {
    system::show().is_ok_and(|registered| registered.iter().any(|one| one.enabled))
}

/// Copies an enrolment file to where the daemon looks for this user's own. The code of a code file goes into the
/// copy: the share it is on may be gone at the daemon's first try.
fn take_in(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    if !file.is_absolute() {
        let said = format!("'{}' is not a full path to an enrolment file", file.display());
        return Err(Ends::with(Exit::Usage, said));
    }
    let preset = Preset::read(file, deliver::Source::ByHand)
        .map_err(|e| Ends::with(Exit::Data, format!("the enrolment file was refused: {e}")))?;
    let known = Identity::open_beside(&settings.data_dir, &Random::system());
    if known.is_ok_and(|identity| identity.enrolment().is_some()) {
        anstream::println!("This desk is enrolled already; {} was not needed.", file.display());
        return Ok(());
    }
    let own = settings.enrolment_files.iter().find(|f| f.own);
    let to = &own.context("there is no place for this user's enrolment file")?.path;
    let failed = || format!("cannot write {}", to.display());
    files::make_private_dir(to.parent().unwrap_or(to)).with_context(failed)?;
    let mut copy = files::create_private(to).with_context(failed)?;
    copy.write_all(preset.to_toml().as_bytes()).with_context(failed)?;
    copy.sync_all().with_context(failed)
}

/// Does every part, whatever becomes of the others, and says at the end what was not possible.
fn remove(settings: Arc<Settings>, options: &Remove) -> anyhow::Result<Exit> {
    if is_upgrading(&upgrade_mark()?) {
        anstream::println!("This is an upgrade: everything stays.");
        return Ok(Exit::Done);
    }
    let (keep, mut remarks) = match options.keep_data.trim() {
        "" | "0" => (false, Vec::new()),
        "1" => (true, Vec::new()),
        other => (true, vec![format!("'{other}' is neither 0 nor 1; the data of this desk was kept")]),
    };
    let mut note = |what: anyhow::Result<()>| {
        if let Err(error) = what {
            remarks.push(error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "));
        }
    };
    note(system::off().map(drop).map_err(Into::into));
    if !keep {
        note(say_goodbye(settings.clone()));
    }
    note(autostart::stop(&settings).map(drop));
    note(forget_secrets(&settings));
    if !keep {
        note(remove_data(&settings));
    }
    for program in programs()? {
        note(match aside::sweep(&program) {
            Ok(0) => Ok(()),
            Ok(left) => Err(anyhow::anyhow!("{left} older programs are still in use")),
            Err(error) => Err(error.into()),
        });
    }
    if remarks.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Ends::with(Exit::Unavailable, remarks.join("; ")))
}

/// Tells the collector that this desk is gone, if it can be told quickly.
fn say_goodbye(settings: Arc<Settings>) -> anyhow::Result<()> {
    let known = Identity::open_beside(&settings.data_dir, &Random::system());
    if !known.is_ok_and(|identity| identity.enrolment().is_some()) {
        return Ok(());
    }
    let goodbye = owner::runtime()?.block_on(async {
        let said = async {
            Ok::<_, anyhow::Error>(match Owner::find(settings).await? {
                Owner::Us(desk) => {
                    deliver::unenroll(&desk.reporter, &desk.delivery(), &Random::system()).await?
                }
                Owner::Daemon(client) => match client.ask(Request::Unenroll, |_| ()).await? {
                    Answer::Unenrolled(goodbye) => goodbye,
                    Answer::Failed(why) => anyhow::bail!(why),
                    _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
                },
            })
        };
        tokio::time::timeout(GOODBYE, said).await.context("there was no answer in time")?
    });
    match goodbye.context("the collector could not be told that this desk is gone")? {
        Goodbye::NotTold(why) => {
            anyhow::bail!("the collector could not be told that this desk is gone ({})", why.words())
        }
        Goodbye::Told | Goodbye::NotEnrolled => Ok(()),
    }
}

/// A code that was not used, and the log, do not outlive the program. The launcher holds its log until it ends,
/// just after the daemon: when the log is gone, so is the launcher.
fn forget_secrets(settings: &Settings) -> anyhow::Result<()> {
    let log = config::launcher_log().filter(|_| !is_for_trying_out(settings));
    let own = settings.enrolment_files.iter().filter(|f| f.own).map(|f| f.path.clone());
    let older = log.as_ref().map(|l| l.with_extension("log.1"));
    own.chain(log).chain(older).try_for_each(|path| {
        let began = Instant::now();
        loop {
            match absent(fs::remove_file(&path), &path) {
                Err(_) if began.elapsed() < LAUNCHER_ENDS => std::thread::sleep(AGAIN),
                other => return other,
            }
        }
    })
}

/// Settings or data that are not this user's usual ones. Then those are none of our business.
fn is_for_trying_out(settings: &Settings) -> bool {
    let named = settings.file.is_some() && settings.file != config::default_file();
    let here = |from: &Source| matches!(from, Source::Environment(_) | Source::Flag(_));
    named || settings.shown.iter().any(|(key, _, from)| *key == "data_dir" && here(from))
}

/// Removes the data folder and this user's settings. A data folder that somebody chose may hold other things as
/// well: there only what is ours goes.
fn remove_data(settings: &Settings) -> anyhow::Result<()> {
    let chosen = settings.shown.iter().any(|(key, _, from)| *key == "data_dir" && *from != Source::Default);
    let data = &settings.data_dir;
    if chosen {
        let entries = match fs::read_dir(data) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("cannot read {}", data.display()))?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_ours) && entry.file_type()?.is_file() {
                absent(fs::remove_file(entry.path()), &entry.path())?;
            }
        }
        // It stays if something else is in it.
        let _ = fs::remove_dir(data);
    } else {
        absent(fs::remove_dir_all(data), data)?;
    }
    for folder in config::own_folders().into_iter().filter(|_| !is_for_trying_out(settings)) {
        absent(fs::remove_dir_all(&folder), &folder)?;
    }
    Ok(())
}

/// Whether a file of a data folder is one that Preshift makes.
fn is_ours(name: &str) -> bool {
    let starts = ["preshift.db", "identity.json", "control.sock"];
    ["lock", "losses", "reserve"].contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

/// What is absent already was to be removed.
fn absent(result: io::Result<()>, path: &Path) -> anyhow::Result<()> {
    match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn upgrade_mark() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("the system does not say where this program is")?;
    Ok(own.with_file_name(UPGRADING))
}

/// Whether the programs are being replaced; a mark that is too old to mean it is removed.
fn is_upgrading(mark: &Path) -> bool {
    let Ok(written) = fs::metadata(mark).and_then(|m| m.modified()) else { return false };
    // A clock that was just set back makes it a mark of the future: nothing is removed then either.
    let holds = SystemTime::now().duration_since(written).map_or(true, |age| age < UPGRADE);
    if !holds {
        let _ = fs::remove_file(mark);
    }
    holds
}

/// The programs beside this one.
fn programs() -> anyhow::Result<impl Iterator<Item = PathBuf>> {
    let own = std::env::current_exe().context("the system does not say where this program is")?;
    let suffix = std::env::consts::EXE_SUFFIX;
    Ok(PROGRAMS.into_iter().map(move |name| own.with_file_name(format!("{name}{suffix}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn a_property_that_nobody_set_is_an_empty_value() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(subcommand)]
            command: Command,
        }
        let parse = |words: &[&str]| Line::try_parse_from([&["setup"], words].concat()).map(|l| l.command);
        for words in [&["install", "--enrolment", "", "--upgrade", ""][..], &["install"]] {
            let Ok(Command::Install(options)) = parse(words) else { panic!("{words:?}") };
            assert!(options.enrolment.is_empty() && options.upgrade.is_empty());
        }
        for words in [&["remove", "--keep-data", ""][..], &["remove"]] {
            let Ok(Command::Remove(options)) = parse(words) else { panic!("{words:?}") };
            assert!(options.keep_data.is_empty());
        }
    }

    #[test]
    fn a_mark_of_an_upgrade_holds_for_as_long_as_one_takes() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join(UPGRADING);
        assert!(!is_upgrading(&mark));
        let written = |at: SystemTime| {
            fs::write(&mark, "").unwrap();
            fs::File::options().write(true).open(&mark).unwrap().set_modified(at).unwrap();
        };
        let now = SystemTime::now();
        written(now);
        assert!(is_upgrading(&mark));
        written(now + Duration::from_secs(3600));
        assert!(is_upgrading(&mark));
        written(now - UPGRADE);
        assert!(!is_upgrading(&mark) && !mark.exists());
    }

    #[test]
    fn in_a_folder_that_somebody_chose_only_our_files_are_ours() {
        for ours in [
            "lock",
            "losses",
            "reserve",
            "identity.json",
            "identity.json.damaged",
            "preshift.db-wal",
            "control.sock",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["lock.txt", "letters.doc", "my identity.json", "Preshift", ".."] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
