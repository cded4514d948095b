//! The desk: the real program as an ordinary user, with a data folder of its own.

use super::{authority::Authority, collector, names};
use crate::case::Case;
use anyhow::Context as _;
use netshape::{Lab, Place};
use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Nobody: what an agent may do on their computer is no more.
const USER: u32 = 65_534;
/// The probes by which it is told whose fault it is, as far as the program has them.
const PROBES: [&str; 6] = ["link", "dns", "https", "media", "load", "path"];
/// So much longer than allowed a check may take before it is killed: how late it is is worth knowing.
const MORE: Duration = Duration::from_secs(20);

/// The programs that are tried.
pub struct Programs {
    /// The desk's, where anybody may run it.
    preshift: PathBuf,
    /// The collector's.
    pub collector: PathBuf,
    /// Which probes are run.
    pub probes: Vec<String>,
    /// Goes when dropped.
    _copy: tempfile::TempDir,
}

impl Programs {
    /// Those of a folder, or those beside this program.
    pub fn find(folder: Option<&Path>) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = folder.or(own.parent()).context("this program is in no folder")?.to_owned();
        let program = |name: &str| {
            let path = folder.join(name);
            anyhow::ensure!(
                path.exists(),
                "there is no {}: build it with `cargo build --workspace --bins`",
                path.display()
            );
            Ok(path)
        };
        let (built, collector) = (program("preshift")?, program("preshift-collector")?);
        // Nobody may not look where it was built.
        let copy = tempfile::tempdir()?;
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755))?;
        let preshift = copy.path().join("preshift");
        fs::copy(built, &preshift)?;
        fs::set_permissions(&preshift, fs::Permissions::from_mode(0o755))?;
        let help =
            Command::new(&preshift).args(["check", "--help"]).output().context("preshift does not run")?;
        let known = probes(&String::from_utf8_lossy(&help.stdout));
        let probes: Vec<String> = known.into_iter().filter(|p| PROBES.contains(&p.as_str())).collect();
        anyhow::ensure!(!probes.is_empty(), "`preshift check --help` does not say which probes there are");
        Ok(Self { preshift, collector, probes, _copy: copy })
    }
}

/// The probes that a help text lists.
fn probes(help: &str) -> Vec<String> {
    let listed = help.split_once("Probes:").and_then(|(_, rest)| rest.split('.').next()).unwrap_or_default();
    listed.split([',', ' ', '\n']).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Where libfaketime is, by which a clock can jump for one program only.
pub fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|e| e.path().join("faketime"));
    let places = folders.chain(["/usr/lib64/faketime".into(), "/usr/lib/faketime".into()]);
    places.map(|folder| folder.join("libfaketimeMT.so.1")).find(|file| file.exists())
}

/// A check that ended, or was ended.
pub struct Ended {
    pub said: String,
    pub complained: String,
    pub exit: Option<i32>,
    pub took: Duration,
}

/// The desk's user, programs and files.
pub struct Desk<'a> {
    lab: &'a Lab,
    programs: &'a Programs,
    folder: PathBuf,
}

impl<'a> Desk<'a> {
    /// A desk that was never used.
    pub fn new(
        lab: &'a Lab,
        programs: &'a Programs,
        authority: &Authority,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let desk = Self { lab, programs, folder: folder.to_owned() };
        fs::write(desk.folder.join("roots.pem"), authority.pem())?;
        fs::write(desk.folder.join("empty.toml"), "")?;
        fs::write(desk.clock(), "+0\n")?;
        let own = desk.folder.join("desk");
        fs::create_dir(&own)?;
        chown(&own, Some(USER), Some(USER))?;
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700))?;
        fs::create_dir_all(desk.etc())?;
        Ok(desk)
    }

    /// The file by which the desk's clock is put forward and back.
    pub fn clock(&self) -> PathBuf {
        self.folder.join("clock")
    }

    /// Who looks names up, from the next program on.
    pub fn resolver(&self, address: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.etc().join("resolv.conf"), format!("nameserver {address}\n"))?)
    }

    /// Enrols it.
    pub fn enrol(&self, code: &str) -> anyhow::Result<()> {
        let mut command = self.command(None);
        command.args(["enroll", collector::URL, "--code-stdin"]);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(code.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "the desk cannot enrol at {}: {said}", names::COLLECTOR);
        Ok(())
    }

    /// The check, from its start to its end.
    pub fn check(&self, programs: &Programs, case: &Case) -> anyhow::Result<Ended> {
        let file = |name: &str| self.folder.join(name);
        let library = faketime().filter(|_| case.jumps());
        let mut command = self.command(library.as_deref());
        command.args(["check", "--json", "--no-microphone", "--only"]).args(&programs.probes);
        command
            .stdin(Stdio::null())
            .stdout(File::create(file("said"))?)
            .stderr(File::create(file("complained"))?);
        let began = Instant::now();
        let mut child = command.spawn()?;
        let limit = Duration::from_secs(case.seconds) + MORE;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if began.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                break None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let took = began.elapsed();
        let read = |name: &str| fs::read(file(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
        Ok(Ended {
            said: read("said")?,
            complained: read("complained")?,
            exit: status.and_then(|s| s.code()),
            took,
        })
    }

    /// Runs the desk's program; with libfaketime, by what is in `clock`.
    fn command(&self, faketime: Option<&Path>) -> Command {
        let mut command = self.lab.command(Place::Ws, Path::new("setpriv"));
        // Not this machine's own settings, sound server and proxies.
        command.env_clear();
        let user = USER.to_string();
        command
            .args([
                &format!("--reuid={user}"),
                &format!("--regid={user}"),
                "--clear-groups",
                "--inh-caps=-all",
            ])
            // libfaketime for the program alone: what is loaded into the ones before it would leave root's marks.
            .arg("env");
        if let Some(library) = faketime {
            command.arg(format!("LD_PRELOAD={}", library.display()));
        }
        command
            .arg(&self.programs.preshift)
            // Only what time of day it is: how long things take is not faked. Without the library these mean nothing.
            .env("FAKETIME_TIMESTAMP_FILE", self.clock())
            .envs(
                ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC"]
                    .map(|k| (k, "1")),
            )
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.folder.join("desk"))
            .env("PRESHIFT_DATA_DIR", self.folder.join("desk"))
            .env("PRESHIFT_CONFIG", self.folder.join("empty.toml"))
            .env("PRESHIFT_TLS_ROOTS_FILE", self.folder.join("roots.pem"))
            .env("PULSE_SERVER", "unix:/nonexistent/pulse")
            .current_dir("/");
        command
    }

    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.lab.namespace(Place::Ws))
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        // If it stays, the next run of this process overwrites it, and one of another sweeps it.
        let _ = fs::remove_dir_all(self.etc());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_are_read_from_the_help_however_it_is_wrapped() {
        let help =
            "Examples:\n  preshift check\n\nProbes: link, dns,\nhttps, media, path.\nA check with --only is…";
        assert_eq!(probes(help), ["link", "dns", "https", "media", "path"]);
        assert!(probes("Usage: preshift").is_empty());
    }
}
