//! Who this desk is: its hashing key, and its id and signing key where it is enrolled.
//!
//! It is a file of its own beside the store, for its owner alone, because a damaged store must not
//! lose it: a desk that lost its key would fall silent until somebody enrols it again. Where the
//! desk is enrolled is in the same file, for the same reason. It is written whole, to a new file that
//! takes the old one's name, so that it is the old or the new one after a power cut.

use crate::{platform::files, probe::Hasher, random::Random};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use signing::SigningKey;
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use telemetry::{DeskId, Hash, Id, InstanceId, UnixMs};
use tokio::sync::watch;
use url::Url;

const FILE: &str = "identity.json";

/// Why the identity could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder failed.
    #[error("the desk's identity could not be {doing}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was written by a newer Preshift.
    #[error("the desk's identity is of version {found}; this Preshift knows version 1: update Preshift")]
    Newer {
        /// Its version.
        found: u32,
    },
}

/// A desk that a collector knows.
pub struct Enrolment {
    /// The desk's id.
    pub desk: DeskId,
    /// Its key.
    pub key: SigningKey,
    /// Its collector.
    pub collector: Url,
    /// Its team.
    pub team: Id,
    /// Since when.
    pub since: UnixMs,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment")
            .field("team", &self.team)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// The id and key of a desk that asks to be enrolled, kept until the answer is known: a
/// second try after a lost answer is then the same desk and not another.
#[derive(Clone)]
pub(crate) struct Pending {
    pub desk: DeskId,
    pub key: [u8; 32],
    pub collector: Url,
}

/// What is known of a desk that no collector knows.
#[derive(Clone, Default)]
struct Unenrolled {
    pending: Option<Pending>,
    /// When the agent unenrolled it by hand. In this file and not in the store, because a damaged store must not
    /// enrol a desk again whose agent said no.
    left: Option<UnixMs>,
}

/// Who this desk is.
pub struct Identity {
    path: PathBuf,
    hashing: [u8; 32],
    unenrolled: Mutex<Unenrolled>,
    enrolment: watch::Sender<Option<Arc<Enrolment>>>,
    requests: AtomicU64,
    /// Held while enrolling or unenrolling: by hand and by a file are never at once.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Which start of the daemon this is.
    pub instance: InstanceId,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("enrolled", &self.enrolment().is_some()).finish_non_exhaustive()
    }
}

/// The file. Keys are hex; unknown fields are refused, because a newer form has a newer version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    hashing: telemetry::Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enrolled: Option<SavedEnrolment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<SavedPending>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<UnixMs>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedEnrolment {
    desk: DeskId,
    key: telemetry::Digest,
    collector: Url,
    team: Id,
    since: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedPending {
    desk: DeskId,
    key: telemetry::Digest,
    collector: Url,
}

impl Identity {
    /// Reads the identity in a folder, or makes one. A file that does not read is put aside, and the desk must
    /// be enrolled anew.
    pub fn open(dir: &Path, random: &Random) -> Result<Self, Error> {
        Self::open_as(dir, random, true)
    }

    /// Reads the identity beside its owner, only to look: nothing is written, and a file that does not read
    /// is an error and stays where it is.
    pub fn open_beside(dir: &Path, random: &Random) -> Result<Self, Error> {
        Self::open_as(dir, random, false)
    }

    fn open_as(dir: &Path, random: &Random, owner: bool) -> Result<Self, Error> {
        let failed = |doing| move |source| Error::File { doing, source };
        files::make_private_dir(dir).map_err(failed("kept"))?;
        let path = dir.join(FILE);
        let saved = match std::fs::read(&path) {
            Ok(bytes) => {
                files::make_private_file(&path).map_err(failed("kept"))?;
                read(&bytes)?
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed("read")(e)),
        };
        let known = saved.is_some();
        if !known && path.exists() {
            if !owner {
                return Err(failed("read")(std::io::ErrorKind::InvalidData.into()));
            }
            tracing::error!(
                "the desk's identity does not read; it is put aside, and the desk must be enrolled anew"
            );
            std::fs::rename(&path, dir.join("identity.json.damaged")).map_err(failed("put aside"))?;
        }
        let (hashing, enrolment, unenrolled) =
            saved.unwrap_or_else(|| (random.bytes(), None, Unenrolled::default()));
        let identity = Self {
            path,
            hashing,
            unenrolled: Mutex::new(unenrolled),
            enrolment: watch::Sender::new(enrolment.map(Arc::new)),
            requests: AtomicU64::new(0),
            changing: tokio::sync::Mutex::new(()),
            instance: InstanceId::from_bytes(random.bytes()),
        };
        if !known && owner {
            identity.save()?;
        }
        Ok(identity)
    }

    /// Where the desk is enrolled, if it is.
    pub fn enrolment(&self) -> Option<Arc<Enrolment>> {
        self.enrolment.borrow().clone()
    }

    /// Follows enrolling and unenrolling.
    pub fn follow(&self) -> watch::Receiver<Option<Arc<Enrolment>>> {
        self.enrolment.subscribe()
    }

    /// Turns what must not leave the desk into a keyed hash: the first 128 bits of HMAC-SHA256.
    pub fn hash(&self, text: &str) -> Hash {
        hash(&self.hashing, text)
    }

    /// The same as a function of its own.
    pub fn hasher(&self) -> Hasher {
        let key = self.hashing;
        Arc::new(move |text| hash(&key, text))
    }

    /// The number of the next signed request of this start, from 1.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// When the agent unenrolled this desk, if nobody enrolled it since. Then no file enrols it.
    pub fn left(&self) -> Option<UnixMs> {
        self.unenrolled().left
    }

    /// The pair with which a desk asked this collector before, if the answer was lost.
    pub(crate) fn pending(&self, collector: &Url) -> Option<Pending> {
        self.unenrolled().pending.filter(|p| p.collector == *collector)
    }

    /// Keeps a pair before asking. Blocks.
    pub(crate) fn set_pending(&self, pending: Pending) -> Result<(), Error> {
        let unenrolled = Unenrolled { pending: Some(pending), ..self.unenrolled() };
        self.write(self.enrolment().as_deref(), &unenrolled)?;
        self.set_unenrolled(unenrolled);
        Ok(())
    }

    /// The collector knows the desk. Blocks.
    pub(crate) fn enrol(&self, enrolment: Enrolment) -> Result<(), Error> {
        self.replace(Some(Arc::new(enrolment)), Unenrolled::default())
    }

    /// Forgets id and key, because the agent wants it so. The hashing key stays: the snapshots on this desk
    /// are made with it. Blocks.
    pub(crate) fn forget(&self, at: UnixMs) -> Result<(), Error> {
        self.replace(None, Unenrolled { pending: None, left: Some(at) })
    }

    fn unenrolled(&self) -> Unenrolled {
        self.unenrolled.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn set_unenrolled(&self, unenrolled: Unenrolled) {
        *self.unenrolled.lock().unwrap_or_else(|e| e.into_inner()) = unenrolled;
    }

    /// Others hear of it only when it is on disk.
    fn replace(&self, enrolment: Option<Arc<Enrolment>>, unenrolled: Unenrolled) -> Result<(), Error> {
        self.write(enrolment.as_deref(), &unenrolled)?;
        self.set_unenrolled(unenrolled);
        self.enrolment.send_replace(enrolment);
        Ok(())
    }

    fn save(&self) -> Result<(), Error> {
        self.write(self.enrolment().as_deref(), &self.unenrolled())
    }

    fn write(&self, enrolment: Option<&Enrolment>, unenrolled: &Unenrolled) -> Result<(), Error> {
        let hex = telemetry::Digest::from_bytes;
        let saved = Saved {
            version: 1,
            hashing: hex(self.hashing),
            enrolled: enrolment.map(|e| SavedEnrolment {
                desk: e.desk.clone(),
                key: hex(e.key.to_bytes()),
                collector: e.collector.clone(),
                team: e.team.clone(),
                since: e.since,
            }),
            pending: unenrolled.pending.as_ref().map(|p| SavedPending {
                desk: p.desk.clone(),
                key: hex(p.key),
                collector: p.collector.clone(),
            }),
            left: unenrolled.left,
        };
        let new = self.path.with_extension("json.new");
        let write = || {
            let mut file = files::create_private(&new)?;
            serde_json::to_writer(&mut file, &saved)?;
            file.flush()?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            files::sync_dir(self.path.parent().unwrap_or(Path::new(".")))
        };
        write().map_err(|source| Error::File { doing: "written", source })
    }
}

type Known = ([u8; 32], Option<Enrolment>, Unenrolled);

/// `None` if it does not read.
fn read(bytes: &[u8]) -> Result<Option<Known>, Error> {
    #[derive(Deserialize)]
    struct Any {
        version: u32,
    }
    if let Ok(Any { version: found @ 2.. }) = serde_json::from_slice(bytes) {
        return Err(Error::Newer { found });
    }
    let Ok(saved) = serde_json::from_slice::<Saved>(bytes) else { return Ok(None) };
    let enrolled = saved.enrolled.map(|e| Enrolment {
        desk: e.desk,
        key: SigningKey::from_bytes(&unhex(&e.key)),
        collector: e.collector,
        team: e.team,
        since: e.since,
    });
    let pending = saved.pending.map(|p| Pending { desk: p.desk, key: unhex(&p.key), collector: p.collector });
    Ok(Some((unhex(&saved.hashing), enrolled, Unenrolled { pending, left: saved.left })))
}

fn unhex(digest: &telemetry::Digest) -> [u8; 32] {
    digest.as_str().parse::<telemetry::PublicKey>().expect("both are 64 hex digits").to_bytes()
}

fn hash(key: &[u8; 32], text: &str) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    Hash::from_bytes(std::array::from_fn(|i| bytes[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment {
            desk: DeskId::from_bytes([1; 16]),
            key: SigningKey::from_bytes(&[7; 32]),
            collector: "https://collector.example/".parse().unwrap(),
            team: "north".parse().unwrap(),
            since: UnixMs::new(1_700_000_000_000),
        }
    }

    #[test]
    fn it_survives_a_restart_and_forgetting_keeps_the_hashing_key() {
        let dir = tempfile::tempdir().unwrap();
        let random = Random::system();
        let first = Identity::open(dir.path(), &random).unwrap();
        assert!(first.enrolment().is_none());
        let followed = first.follow();
        first.enrol(enrolment()).unwrap();
        assert!(followed.has_changed().unwrap());

        let second = Identity::open(dir.path(), &random).unwrap();
        let known = second.enrolment().unwrap();
        assert_eq!((known.desk.clone(), known.key.public()), (enrolment().desk, enrolment().key.public()));
        assert_eq!(first.hash("00:11:22:33:44:55"), (second.hasher())("00:11:22:33:44:55"));
        assert_ne!(first.instance, second.instance);

        assert_eq!(second.left(), None);
        second.forget(UnixMs::new(1_800_000_000_000)).unwrap();
        let third = Identity::open(dir.path(), &random).unwrap();
        assert!(third.enrolment().is_none());
        assert_eq!(third.left(), Some(UnixMs::new(1_800_000_000_000)), "the agent's no outlives a restart");
        assert_eq!(third.hash("a"), first.hash("a"));
        assert!(!std::fs::read_to_string(dir.path().join(FILE)).unwrap().contains(&"07".repeat(32)));
        third.enrol(enrolment()).unwrap();
        assert_eq!(
            Identity::open(dir.path(), &random).unwrap().left(),
            None,
            "until somebody enrols it anew"
        );
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 2, with its key "Jefe" padded by HMAC itself to a block of zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(hash(&key, "what do ya want for nothing?").as_str(), "5bdcc146bf60754e6a042426089575c7");
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_a_newer_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for damaged in ["", "{", "\0\0\0", r#"{"version":1,"hashing":"x"}"#] {
            std::fs::write(&path, damaged).unwrap();
            assert!(
                Identity::open_beside(dir.path(), &Random::system()).is_err(),
                "it is the owner's to mend"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
            let identity = Identity::open(dir.path(), &Random::system()).unwrap();
            assert!(identity.enrolment().is_none());
            assert_eq!(std::fs::read_to_string(dir.path().join("identity.json.damaged")).unwrap(), damaged);
        }
        std::fs::write(&path, r#"{"version":2,"more":1}"#).unwrap();
        let error = Identity::open(dir.path(), &Random::system()).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2 }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), r#"{"version":2,"more":1}"#);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Identity::open(dir.path(), &Random::system()).unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", enrolment()).contains("07"));
    }
}
