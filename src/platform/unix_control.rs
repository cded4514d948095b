//! The control socket, as Unix has it. Linux and macOS share it.
//!
//! Three things keep other users out: the folder is 0700, the socket is 0600, and whoever connects
//! must be this user by the kernel's word.

use super::files;
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::net::{UnixListener, UnixStream};

/// A connection to or from a command.
pub type Stream = UnixStream;

/// The longest path that both Linux (108) and macOS (104) take for a socket, with its final zero.
const LONGEST_PATH: usize = 103;

/// Listens for commands of this user.
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens for the desk whose data folder this is. Whoever calls this holds its lock, so a
    /// socket that is there is left from a daemon that was killed.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = socket_path(data_dir)?;
        if let Some(folder) = path.parent() {
            files::make_private_dir(folder)?;
        }
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Waits for the next command. An error concerns that one only.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        let (stream, _) = self.listener.accept().await?;
        only_me(&stream)?;
        Ok(stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the daemon of the desk whose data folder this is.
pub async fn connect(data_dir: &Path) -> io::Result<Stream> {
    let stream = UnixStream::connect(socket_path(data_dir)?).await?;
    only_me(&stream)?;
    Ok(stream)
}

/// Whether the rights of the socket that listens there, and of its folder, have this user alone.
pub async fn only_this_user(data_dir: &Path) -> io::Result<bool> {
    let path = socket_path(data_dir)?;
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    Ok(files::only_this_user(&path)? && files::only_this_user(folder)?)
}

/// Refuses a peer that is another user; root is another user too.
fn only_me(stream: &UnixStream) -> io::Result<()> {
    // SAFETY: takes nothing and cannot fail.
    let me = unsafe { libc::geteuid() };
    if stream.peer_cred()?.uid() == me { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// In the data folder; where its path is too long for a socket, in a folder of this user's own under
/// the one for temporary things, named by a hash of it.
fn socket_path(data_dir: &Path) -> io::Result<PathBuf> {
    let path = data_dir.join("control.sock");
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok(path);
    }
    use sha2::{Digest as _, Sha256};
    use std::os::unix::ffi::OsStrExt as _;
    let hash = Sha256::digest(fs::canonicalize(data_dir)?.as_os_str().as_bytes());
    let name: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(base.join(format!("preshift-{name}")).join("control.sock"))
}
