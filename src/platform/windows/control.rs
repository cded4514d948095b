//! The control pipe, on Windows.
//!
//! The pipe's name is made of the user's SID and the data folder, its list of rights has this user
//! alone, it takes nobody from another computer, and a command checks that the pipe it reached
//! belongs to this user: anybody may make a pipe with a name that is free.

use super::{
    rights::{self, For, Rights},
    user::User,
};
use std::{
    ffi::c_void,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions},
};
use windows_sys::Win32::{
    Foundation::ERROR_PIPE_BUSY,
    Security::{Authorization::SE_KERNEL_OBJECT, SECURITY_ATTRIBUTES},
};

/// A pipe whose every instance is taken is tried again after this, some twenty times.
const BUSY_AGAIN: Duration = Duration::from_millis(50);

/// Listens for commands of this user.
pub struct Listener {
    name: String,
    rights: Rights,
    next: NamedPipeServer,
}

impl Listener {
    /// Listens for the desk whose data folder this is.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let user = User::current()?;
        let rights = Rights::only(&user, For::Itself)?;
        Self::bind_with(data_dir, &user, rights)
    }

    /// Listens with rights of another kind.
    pub(super) fn bind_with(data_dir: &Path, user: &User, rights: Rights) -> io::Result<Self> {
        let name = pipe_name(data_dir, user)?;
        let next = create(&rights, &name, true)?;
        Ok(Self { name, rights, next })
    }

    /// Waits for the next command. An error concerns that one only.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        self.next.connect().await?;
        let following = create(&self.rights, &self.name, false)?;
        Ok(Stream::Server(std::mem::replace(&mut self.next, following)))
    }
}

/// Connects to the daemon of the desk whose data folder this is.
pub async fn connect(data_dir: &Path) -> io::Result<Stream> {
    let user = User::current()?;
    let name = pipe_name(data_dir, &user)?;
    let mut tries = 0;
    let client = loop {
        match ClientOptions::new().open(&name) {
            Err(e) if e.raw_os_error() == Some(ERROR_PIPE_BUSY as i32) && tries < 20 => {
                tries += 1;
                tokio::time::sleep(BUSY_AGAIN).await;
            }
            other => break other?,
        }
    };
    if rights::read(&client, SE_KERNEL_OBJECT)?.is_owned_by(&user)? {
        Ok(Stream::Client(client))
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Whether the rights of the pipe that listens there have this user alone.
pub async fn only_this_user(data_dir: &Path) -> io::Result<bool> {
    connect(data_dir).await?.rights()?.is_only_for(&User::current()?)
}

/// A connection to or from a command.
#[derive(Debug)]
pub enum Stream {
    /// The daemon's end.
    Server(NamedPipeServer),
    /// A command's end.
    Client(NamedPipeClient),
}

impl Stream {
    /// Who may use the pipe.
    pub(super) fn rights(&self) -> io::Result<rights::Descriptor> {
        match self {
            Self::Server(s) => rights::read(s, SE_KERNEL_OBJECT),
            Self::Client(c) => rights::read(c, SE_KERNEL_OBJECT),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_read(cx, to),
            Self::Client(c) => Pin::new(c).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_write(cx, from),
            Self::Client(c) => Pin::new(c).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_flush(cx),
            Self::Client(c) => Pin::new(c).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_shutdown(cx),
            Self::Client(c) => Pin::new(c).poll_shutdown(cx),
        }
    }
}

fn pipe_name(data_dir: &Path, user: &User) -> io::Result<String> {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(std::fs::canonicalize(data_dir)?.as_os_str().as_encoded_bytes());
    let hash: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!(r"\\.\pipe\preshift-{}-{hash}", user.sid_text()?))
}

fn create(rights: &Rights, name: &str, first: bool) -> io::Result<NamedPipeServer> {
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: rights.as_ptr(),
        bInheritHandle: 0,
    };
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first).reject_remote_clients(true);
    let attributes: *mut SECURITY_ATTRIBUTES = &mut attributes;
    // SAFETY: the attributes are valid and outlive the call, and so does the descriptor.
    unsafe { options.create_with_security_attributes_raw(name, attributes.cast::<c_void>()) }
}
