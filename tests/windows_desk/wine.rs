//! A Windows of a test's own: a copy of the prepared Wine prefix, and programs that run in it.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::File,
    io::{Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// The Wine that the lab's set-up installs.
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
/// Far more than any of them takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Names the Windows program, and by that says that these tests are wanted.
const PROGRAM: &str = "PRESHIFT_WINDOWS_EXE";

/// What a Windows has in its registry and Wine has not, and a browser. As Windows 11 23H2 has them.
const REGISTRY: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\Software\Microsoft\Windows NT\CurrentVersion]
"CurrentBuild"="22631"
"CurrentBuildNumber"="22631"
"UBR"=dword:00001195
"DisplayVersion"="23H2"
"ProductName"="Windows 10 Pro"
"InstallationType"="Client"

[HKEY_LOCAL_MACHINE\Software\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired]

[HKEY_CURRENT_USER\Software\Google\Chrome\BLBeacon]
"version"="131.0.6778.86"

[HKEY_LOCAL_MACHINE\Software\Mozilla\Mozilla Firefox]
"CurrentVersion"="128.5.0 ESR (x64 en-US)"

"#;

/// A Windows of one's own; gone when dropped.
pub struct Windows {
    folder: tempfile::TempDir,
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
    within: Vec<String>,
}

impl Windows {
    /// Makes one. `None`, with a word on why, where that is not wanted or cannot be; where the labs must run
    /// and it is wanted, that is a failure.
    pub fn start(test: &str) -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from) else {
            println!(
                "SKIPPED: {test}: needs {PROGRAM}, a preshift.exe: tests/labs/xplat/wine.sh builds it and runs this"
            );
            return None;
        };
        let missing = [Path::new(WINE), Path::new(SERVER), &program].into_iter().find(|f| !f.is_file());
        if let Some(need) = missing {
            let required = std::env::var_os("PRESHIFT_LABS").is_some_and(|v| v == "1");
            assert!(!required, "{test}: needs {}", need.display());
            println!("SKIPPED: {test}: needs {}", need.display());
            return None;
        }
        let windows = Self {
            folder: tempfile::tempdir().unwrap(),
            program,
            environment: Vec::new(),
            within: Vec::new(),
        };
        let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/labs/xplat/wine.sh");
        let made = Command::new("bash").args([lab, "prefix"]).arg(windows.prefix()).output().unwrap();
        assert!(made.status.success(), "{}", said(&made));
        Some(windows)
    }

    /// Runs everything in a network namespace from now on.
    pub fn within(&mut self, namespace: &str) {
        self.within = ["ip", "netns", "exec", namespace].map(str::to_owned).into();
    }

    /// Sets a variable for everything from now on.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// Writes what a Windows has into the registry, and trusts a root as this user's own.
    pub fn settle(&self, root: Option<&[u8]>) {
        let mut text = REGISTRY.to_owned();
        if let Some(der) = root {
            // A stored certificate: property 32 (the certificate), 1, length, bytes; its key's name is its SHA-1.
            let blob =
                [&32u32.to_le_bytes(), &1u32.to_le_bytes(), &(der.len() as u32).to_le_bytes(), der].concat();
            let blob: Vec<String> = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            let store = r"HKEY_CURRENT_USER\Software\Microsoft\SystemCertificates\Root\Certificates";
            write!(text, "[{store}\\{}]\n\"Blob\"=hex:{}\n", self.sha1(der), blob.join(",")).unwrap();
        }
        let file = self.folder.path().join("settle.reg");
        std::fs::write(&file, text.replace('\n', "\r\n")).unwrap();
        // A server that stays, and what Windows starts with itself, before any program of ours: otherwise they
        // would come and go in between.
        let mut server = self.outside(SERVER);
        assert!(server.arg("-p").status().unwrap().success());
        let output = self.finish(self.wine(["reg".as_ref(), "import".as_ref(), file.as_os_str()]));
        assert!(output.status.success(), "{}", said(&output));
    }

    fn sha1(&self, bytes: &[u8]) -> String {
        let file = self.folder.path().join("bytes");
        std::fs::write(&file, bytes).unwrap();
        let output = Command::new("sha1sum").arg(&file).output().unwrap();
        String::from_utf8(output.stdout).unwrap()[..40].to_uppercase()
    }

    /// The Windows program, with arguments.
    pub fn preshift(&self, arguments: &[&str]) -> Command {
        let all = [self.program.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new));
        self.wine(all)
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.finish(self.preshift(arguments))
    }

    /// What it says goes to files and not to pipes: whatever Wine starts on the way would keep those open.
    fn finish(&self, mut command: Command) -> Output {
        let [out, err] = ["out", "err"].map(|name| self.folder.path().join(name));
        let file = |path| File::create(path).unwrap();
        let mut child = command.stdout(file(&out)).stderr(file(&err)).spawn().unwrap();
        let status = ended(&mut child, PATIENCE);
        let read = |path| std::fs::read(path).unwrap();
        let output = Output { status: status.unwrap_or_default(), stdout: read(&out), stderr: read(&err) };
        assert!(status.is_some(), "{command:?} does not end: {}", said(&output));
        output
    }

    fn wine<'a>(&self, arguments: impl IntoIterator<Item = &'a OsStr>) -> Command {
        let mut command = self.outside(WINE);
        command.args(arguments);
        command
    }

    /// A program of Linux, in the environment and namespace of this Windows.
    fn outside(&self, program: &str) -> Command {
        let mut words = self.within.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        for name in ["PRESHIFT_DATA_DIR", "PRESHIFT_CONFIG", "PRESHIFT_LOG", "PULSE_SERVER", "DISPLAY"] {
            command.env_remove(name);
        }
        command.env("WINEPREFIX", self.prefix()).env("WINEDEBUG", "-all").env("WINEARCH", "win64");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("prefix")
    }

    /// The data folder of this Windows' user, where Windows puts it.
    pub fn data(&self) -> PathBuf {
        let users = self.prefix().join("drive_c/users");
        let mut homes = std::fs::read_dir(users).unwrap().map(|e| e.unwrap().path());
        homes.find_map(|home| Some(home.join("AppData/Local/preshift/data")).filter(|d| d.is_dir())).unwrap()
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        let _ = Command::new(SERVER).arg("-k").env("WINEPREFIX", self.prefix()).output();
    }
}

/// What a program said.
pub fn said(output: &Output) -> String {
    let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, of(&output.stdout), of(&output.stderr))
}

/// A program in a terminal of its own, so that one can press Ctrl-C.
pub struct InTerminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
}

impl InTerminal {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let (mut ours, mut theirs) = (-1, -1);
        let null = std::ptr::null_mut();
        // SAFETY: both numbers are ours to be written; name, modes and size may be null.
        let made = unsafe { libc::openpty(&mut ours, &mut theirs, null, null.cast(), null.cast()) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: both were just opened, and belong to nobody else.
        let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        // Not for children, which would keep the terminal open.
        // SAFETY: the descriptor is open.
        unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        let end = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: between fork and exec only these two calls are made, and both may be made there.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // The command holds the terminal's other end open as long as it is there.
        drop((command, theirs));
        let keyboard = File::from(ours);
        let mut from = keyboard.try_clone().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let seen = screen.clone();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            // A terminal whose other end is closed is an error and not an end.
            while let Ok(length @ 1..) = from.read(&mut some) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..length]));
            }
        });
        Self { child, keyboard, screen }
    }

    /// Presses Ctrl-C and waits for the end; says how long that took, and what was on the screen.
    pub fn interrupt(mut self) -> (std::process::ExitStatus, Duration, String) {
        let began = Instant::now();
        self.keyboard.write_all(b"\x03").unwrap();
        let status = ended(&mut self.child, PATIENCE);
        let took = began.elapsed();
        let screen = self.screen.lock().unwrap().clone();
        (status.unwrap_or_else(|| panic!("it does not end: {screen}")), took, screen)
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }
}

/// Waits for the end of a program; one that does not end is killed.
fn ended(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
