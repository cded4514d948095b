//! The real collector at the first server, with the policy of the cases.

use super::{authority::Authority, desk::Programs, names};
use anyhow::Context as _;
use netshape::{Lab, Place};
use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Its address.
pub const URL: &str = "https://collector.example";
/// It starts in a fraction of a second, on a machine that does nothing else.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A collector; it ends when dropped.
pub struct Collector {
    process: Child,
    program: PathBuf,
    data: PathBuf,
}

impl Collector {
    /// Starts it, waits until it listens and sets the policy.
    pub fn start(
        lab: &Lab,
        programs: &Programs,
        authority: &Authority,
        folder: &Path,
        two_reflectors: bool,
    ) -> anyhow::Result<Self> {
        let pem = authority.files(names::COLLECTOR)?;
        let file = |name: &str| folder.join(name);
        fs::write(file("cert.pem"), pem.certificate)?;
        fs::write(file("key.pem"), pem.key)?;
        fs::write(file("policy.toml"), policy(two_reflectors))?;
        let mut command = lab.command(Place::Srv, &programs.collector);
        command
            .args(["serve", "--listen", "[::]:443", "--reflector-port", "862", "--zone", "UTC", "--data"])
            .arg(file("collector"))
            .arg("--tls-cert")
            .arg(file("cert.pem"))
            .arg("--tls-key")
            .arg(file("key.pem"))
            .arg("--announce")
            .arg(file("announce"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(file("collector.log"))?);
        // SAFETY: between fork and exec it makes one call, which only changes how this process is scheduled.
        unsafe { command.pre_exec(before_the_desk) };
        let process = command.spawn().context("the collector does not start")?;
        let data = file("collector");
        let mut collector = Self { process, program: programs.collector.clone(), data };
        let began = Instant::now();
        while fs::read(file("announce")).map_or(0, |said| said.len()) == 0 {
            let ended = collector.process.try_wait()?;
            if ended.is_some() || began.elapsed() > STARTS_WITHIN {
                let log = fs::read_to_string(file("collector.log")).unwrap_or_default();
                anyhow::bail!("the collector does not listen ({ended:?}): {log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        collector.ask(&["policy", "set", &file("policy.toml").to_string_lossy()])?;
        Ok(collector)
    }

    /// A code for one desk.
    pub fn code(&self) -> anyhow::Result<String> {
        self.ask(&["enroll-code", "--team", "lab", "--quiet"])
    }

    fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.program).args(arguments).arg("--data").arg(&self.data).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "the collector refused {arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // If it is gone already, all the better.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// It stands for another computer: what keeps the desk's processors busy must not keep it.
fn before_the_desk() -> std::io::Result<()> {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: only this process is changed, and `priority` is read within the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const priority) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// What the desk is pointed at: by names, as any policy of a real company.
fn policy(two_reflectors: bool) -> String {
    let (app, open, voice) = (names::APP, names::OPEN, names::VOICE);
    let second = match two_reflectors {
        true => format!("[[targets.reflectors]]\nid = 'second'\nhost = '{voice}'\n"),
        false => String::new(),
    };
    format!(
        "id = 'lab'\nversion = 1\nrequired = ['link', 'https', 'media', 'load']\n\
         [targets]\nportal = 'http://{open}/204'\n\
         [[targets.reflectors]]\nid = 'collector'\nhost = '@collector'\n{second}\
         [[targets.endpoints]]\nid = 'collector'\nurl = 'https://@collector/healthz'\n\
         [[targets.endpoints]]\nid = 'app'\nurl = 'https://{app}/'\nprivate_authority = true\n"
    )
}
