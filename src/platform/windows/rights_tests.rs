//! Reads back who may do what with everything that a desk keeps, and with its pipe.
//!
//! Wine keeps no list of rights for a file: it makes one up from the rights that Unix knows, in which
//! the system may do everything. So there a file's list shows that nobody else gets in; that it is the very
//! list is shown of the pipe, and of the list itself before it is put on a file.

use super::*;
use crate::{
    identity::Identity,
    platform::{control, files},
    random::Random,
    store::Store,
};
use std::{fs::OpenOptions, os::windows::fs::OpenOptionsExt as _, path::Path, sync::Arc};
use telemetry::UnixMs;
use windows_sys::Win32::{
    Foundation::GetLastError,
    Security::{
        ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, Authorization::SE_FILE_OBJECT, CONTAINER_INHERIT_ACE, GetAce,
        GetSecurityDescriptorControl, GetSecurityDescriptorDacl, INHERITED_ACE, OBJECT_INHERIT_ACE,
        SE_DACL_PROTECTED,
    },
    Storage::FileSystem::{
        FILE_ALL_ACCESS, FILE_FLAG_BACKUP_SEMANTICS, READ_CONTROL, WRITE_DAC, WRITE_OWNER,
    },
    System::{
        LibraryLoader::{GetModuleHandleW, GetProcAddress},
        SystemServices::ACCESS_ALLOWED_ACE_TYPE,
    },
};

/// What a folder hands down to files and to folders in it.
const DOWN: u32 = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE;
/// The system itself.
const SYSTEM: &str = "S-1-5-18";

impl Descriptor {
    /// The list of entries. Null is no list at all, which lets everybody in.
    fn list(&self) -> io::Result<*mut ACL> {
        let (mut present, mut defaulted, mut list) = (0, 0, null_mut::<ACL>());
        // SAFETY: the descriptor is a whole one; all three are ours to be written.
        match unsafe { GetSecurityDescriptorDacl(self.0, &mut present, &mut list, &mut defaulted) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(list),
        }
    }
}

/// One entry of a list of rights.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    sid: String,
    allows: bool,
    rights: u32,
    inherited: bool,
    handed_down: bool,
}

/// What was read back.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    ours: bool,
    protected: bool,
    entries: Vec<Entry>,
}

impl Told {
    fn by(descriptor: &Descriptor) -> Self {
        let (mut control, mut revision) = (0u16, 0u32);
        let list = descriptor.list().unwrap();
        assert!(!list.is_null(), "no list at all lets everybody in");
        // SAFETY: the descriptor is a whole one, and the list in it as long as its head says.
        unsafe {
            assert_ne!(GetSecurityDescriptorControl(descriptor.0, &mut control, &mut revision), 0);
            let entries = (0..u32::from((*list).AceCount)).map(|at| {
                let mut entry = null_mut();
                assert_ne!(GetAce(list, at, &mut entry), 0, "{}", GetLastError());
                let head = &*entry.cast::<ACE_HEADER>();
                let ace = entry.cast::<ACCESS_ALLOWED_ACE>();
                Entry {
                    // Entries that allow and those that deny have the same form.
                    sid: super::super::user::text_of((&raw mut (*ace).SidStart).cast()).unwrap(),
                    allows: u32::from(head.AceType) == ACCESS_ALLOWED_ACE_TYPE,
                    rights: (*ace).Mask,
                    inherited: u32::from(head.AceFlags) & INHERITED_ACE != 0,
                    handed_down: u32::from(head.AceFlags) & DOWN == DOWN,
                }
            });
            Self {
                ours: descriptor.is_owned_by(&User::current().unwrap()).unwrap(),
                protected: control & SE_DACL_PROTECTED != 0,
                entries: entries.collect(),
            }
        }
    }

    fn of(path: &Path) -> Self {
        let mut options = OpenOptions::new();
        let file = options.access_mode(READ_CONTROL).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
        Self::by(&read(&file.open(path).unwrap(), SE_FILE_OBJECT).unwrap())
    }

    /// This user and nobody else, by an entry of its own.
    fn only_us(what: For) -> Self {
        let sid = User::current().unwrap().sid_text().unwrap();
        let handed_down = what == For::Folder;
        let entry = Entry { sid, allows: true, rights: FILE_ALL_ACCESS, inherited: false, handed_down };
        Self { ours: true, protected: true, entries: vec![entry] }
    }
}

/// Whether this is Wine.
pub fn is_wine() -> bool {
    let library: Vec<u16> = "ntdll.dll".encode_utf16().chain([0]).collect();
    // SAFETY: both names end in 0; every process has this library, and nothing that is found is called.
    unsafe { GetProcAddress(GetModuleHandleW(library.as_ptr()), c"wine_get_version".as_ptr().cast()) }
        .is_some()
}

#[track_caller]
fn nobody_else(path: &Path) {
    let mut told = Told::of(path);
    println!("{}: {told:?}", path.display());
    if is_wine() {
        told.entries.retain(|entry| entry.sid != SYSTEM);
        told.entries.iter_mut().for_each(|entry| entry.rights = FILE_ALL_ACCESS);
        told.protected = true;
    }
    let what = if path.is_dir() { For::Folder } else { For::Itself };
    assert_eq!(told, Told::only_us(what), "{}", path.display());
}

#[test]
fn everything_that_a_desk_keeps_is_for_its_user_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let _identity = Identity::open(&dir, &Random::system()).unwrap();
    let _lock = crate::control::Lock::take(&dir).unwrap();
    let clock = Arc::new(|| UnixMs::new(1_800_000_000_000));
    let store = Store::open(&dir, clock).unwrap();
    nobody_else(&dir);
    for name in ["preshift.db", "preshift.db-wal", "preshift.db-shm", "identity.json", "lock"] {
        assert!(dir.join(name).exists(), "{name}");
    }
    let all: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(all.len() >= 5, "{all:?}");
    all.iter().for_each(|path| nobody_else(path));
    assert!(all.iter().all(|path| files::only_this_user(path).unwrap()), "{all:?}");
    // And it can still be used.
    drop(store);
    Store::open(&dir, Arc::new(|| UnixMs::new(1_800_000_000_000))).unwrap();
}

#[test]
fn what_was_open_to_others_is_tightened() {
    let dir = tempfile::tempdir().unwrap();
    let user = User::current().unwrap();
    let (folder, file) = (dir.path().join("folder"), dir.path().join("file"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&file, "kept").unwrap();
    for path in [&folder, &file] {
        let sid = user.sid_text().unwrap();
        let all = Descriptor::parse(&format!("D:(A;;FA;;;{sid})(A;;FA;;;WD)")).unwrap();
        let open = open(path);
        Rights(all).put_on(&open, false).unwrap();
        drop(open);
        assert!(Told::of(path).entries.iter().any(|e| e.sid == "S-1-1-0"), "everybody may");
        assert!(!files::only_this_user(path).unwrap());
    }
    files::make_private_dir(&folder).unwrap();
    files::make_private_file(&file).unwrap();
    nobody_else(&folder);
    nobody_else(&file);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn the_list_that_is_put_on_is_the_user_and_nothing_from_above() {
    let user = User::current().unwrap();
    for what in [For::Folder, For::Itself] {
        assert_eq!(Told::by(&Rights::only(&user, what).unwrap().0), Told::only_us(what), "{what:?}");
    }
}

#[tokio::test]
async fn the_pipe_is_for_its_user_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut listener = control::Listener::bind(dir.path()).unwrap();
    let (server, client) = tokio::join!(listener.accept(), control::connect(dir.path()));
    let (server, client) = (server.unwrap(), client.unwrap());
    for told in [server.rights(), client.rights()] {
        assert_eq!(Told::by(&told.unwrap()), Told::only_us(For::Itself));
    }
}

#[tokio::test]
async fn nobody_adds_a_pipe_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let _first = control::Listener::bind(dir.path()).unwrap();
    assert!(control::Listener::bind(dir.path()).is_err());
}

#[tokio::test]
async fn a_pipe_of_somebody_else_is_not_spoken_to() {
    let dir = tempfile::tempdir().unwrap();
    let user = User::current().unwrap();
    // Everybody may use it, and the administrators own it.
    let theirs = Descriptor::parse("O:BAD:(A;;GA;;;WD)").unwrap();
    let Ok(_listener) = control::Listener::bind_with(dir.path(), &user, Rights(theirs)) else {
        // Only who belongs to the administrators may give a thing to them.
        println!("SKIPPED: a_pipe_of_somebody_else_is_not_spoken_to: needs an administrator");
        return;
    };
    let error = control::connect(dir.path()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

fn open(path: &Path) -> std::fs::File {
    let mut options = OpenOptions::new();
    options.access_mode(READ_CONTROL | WRITE_DAC | WRITE_OWNER);
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path).unwrap()
}
