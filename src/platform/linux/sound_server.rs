//! Asks the sound server, PulseAudio or PipeWire's stand-in for it, one question after another.
//!
//! Blocking, with a limit on each answer, on one thread: the `pulseaudio` crate's own client has a
//! thread and a megabyte of buffer, and waits for ever. Only its messages are used here.

use crate::audio::{AudioError, pulse};
use pulseaudio::protocol::{self, Command, CommandReply, ProtocolError, PulseError};
use std::{
    ffi::CString,
    io::{Cursor, ErrorKind, Read, Write},
    os::{
        fd::{FromRawFd, IntoRawFd},
        unix::{fs::FileTypeExt, net::UnixStream},
    },
    path::PathBuf,
    time::Duration,
};

/// A server that works answers within milliseconds.
const PATIENCE: Duration = Duration::from_millis(1200);
/// The longest answer that is read: hundreds of devices.
const MAX_ANSWER: usize = 4 << 20;
/// Length of a message's head, which begins with the length of the rest.
const HEAD: usize = 20;

/// A connection.
pub struct SoundServer {
    socket: UnixStream,
    version: u16,
    sequence: u32,
}

impl SoundServer {
    /// Connects and says who we are.
    pub fn connect() -> Result<Self, AudioError> {
        let path = socket_path().ok_or(AudioError::NoSoundSystem)?;
        let socket = UnixStream::connect(path).map_err(|e| match e.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => AudioError::NoSoundSystem,
            ErrorKind::PermissionDenied => AudioError::NoPermission,
            _ => AudioError::SoundServer,
        })?;
        let limits = [socket.set_read_timeout(Some(PATIENCE)), socket.set_write_timeout(Some(PATIENCE))];
        if limits.iter().any(Result::is_err) {
            return Err(AudioError::System);
        }
        let mut server = Self { socket, version: protocol::MAX_VERSION, sequence: 0 };
        let cookie = pulseaudio::cookie_path_from_env().and_then(|p| std::fs::read(p).ok());
        let auth = protocol::AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie: cookie.unwrap_or_default(),
        };
        let reply: protocol::AuthReply = server.ask(&Command::Auth(auth))?;
        server.version = reply.version.min(protocol::MAX_VERSION);
        let mut props = protocol::Props::new();
        props.set(protocol::Prop::ApplicationName, c"Preshift");
        let pid = CString::new(std::process::id().to_string()).unwrap_or_default();
        props.set(protocol::Prop::ApplicationProcessId, pid);
        let _: protocol::SetClientNameReply = server.ask(&Command::SetClientName(props))?;
        Ok(server)
    }

    /// Asks one thing.
    pub fn ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, AudioError> {
        self.try_ask(command).map_err(|e| match e {
            ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => {
                AudioError::NoPermission
            }
            ProtocolError::ServerError(PulseError::NoEntity) => AudioError::DeviceLost,
            // Silence, a closed connection or an answer that cannot be read: no server to rely on.
            _ => AudioError::SoundServer,
        })
    }

    fn try_ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, ProtocolError> {
        self.sequence += 1;
        let mut message = Vec::with_capacity(256);
        protocol::write_command_message(&mut message, self.sequence, command, self.version)?;
        self.socket.write_all(&message)?;
        loop {
            let message = self.read_message()?;
            let (sequence, reply) =
                protocol::read_reply_message::<R>(&mut Cursor::new(message), self.version)?;
            // An answer to an older question that was given up.
            if sequence == self.sequence {
                return Ok(reply);
            }
        }
    }

    /// Reads one whole message, so that an answer which says more than we understand does not put
    /// the next one out of step.
    fn read_message(&mut self) -> Result<Vec<u8>, ProtocolError> {
        let mut message = vec![0; HEAD];
        self.socket.read_exact(&mut message)?;
        let length = u32::from_be_bytes([message[0], message[1], message[2], message[3]]) as usize;
        if length > MAX_ANSWER {
            return Err(ProtocolError::Invalid("answer too long".into()));
        }
        message.resize(HEAD + length, 0);
        self.socket.read_exact(&mut message[HEAD..])?;
        Ok(message)
    }
}

/// Where the sound server listens: as PulseAudio's own library looks for it.
pub fn socket_path() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(server) = std::env::var_os("PULSE_SERVER").filter(|v| !v.is_empty()) {
        return pulse::sockets(&server.to_string_lossy()).map(PathBuf::from).find(is_socket);
    }
    // SAFETY: takes nothing and cannot fail.
    let user = unsafe { libc::getuid() };
    [
        variable("PULSE_RUNTIME_PATH").map(|p| p.join("native")),
        variable("XDG_RUNTIME_DIR").map(|p| p.join("pulse/native")),
        Some(PathBuf::from(format!("/run/user/{user}/pulse/native"))),
    ]
    .into_iter()
    .flatten()
    .find(is_socket)
}

/// A cookie of zeros, in memory: the path to read it from, which lasts as long as this process.
pub fn blank_cookie() -> Option<PathBuf> {
    /// `PA_NATIVE_COOKIE_LENGTH`; another length is refused.
    const LENGTH: u64 = 256;
    // SAFETY: a terminated string and a number; the descriptor that comes back is new.
    let descriptor = unsafe { libc::memfd_create(c"cookie".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return None;
    }
    // SAFETY: nobody else owns it.
    let file = unsafe { std::fs::File::from_raw_fd(descriptor) };
    file.set_len(LENGTH).ok()?;
    Some(PathBuf::from(format!("/proc/self/fd/{}", file.into_raw_fd())))
}

fn is_socket(path: &PathBuf) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket())
}
