//! Whether anything moved that may have changed a fact: cheap enough to ask every few seconds.
//!
//! A fingerprint reads no content of any size: times and sizes of files, the routes, the local
//! address that traffic would leave from. Equal ones mean that a new snapshot is not worth taking; different
//! ones mean only that it is.

use super::Places;
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, UdpSocket},
    path::Path,
};
use telemetry::UnixMs;

/// What the watched things looked like at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Looks at everything once.
    pub fn take(places: &Places, now: UnixMs) -> Self {
        let mut hasher = DefaultHasher::new();
        crate::platform::facts::watch(places, &mut hasher);
        leaving_from("0.0.0.0:0", "192.0.2.1:9").hash(&mut hasher);
        leaving_from("[::]:0", "[2001:db8::1]:9").hash(&mut hasher);
        utc_offset(now).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Minutes that local time is ahead of UTC.
pub fn utc_offset(now: UnixMs) -> Option<i16> {
    let now = jiff::Timestamp::from_millisecond(now.get()).ok()?;
    let zone = jiff::tz::TimeZone::try_system().ok()?;
    i16::try_from(zone.to_offset(now).seconds() / 60).ok()
}

/// Takes a file or folder into account: whether it is there, when and as what it was last written.
/// A link is looked at itself, since a package manager swaps links.
pub fn stamp(path: &Path, into: &mut dyn Hasher) {
    let Ok(meta) = fs::symlink_metadata(path) else { return into.write_u8(0) };
    into.write_u8(1);
    into.write_u64(meta.len());
    let written = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    into.write_u128(written.map_or(0, |t| t.as_nanos()));
}

/// The local address that traffic to the internet would leave from. To connect a UDP socket only
/// asks the routes: nothing is sent, and the addresses are of those that nobody has.
fn leaving_from(any: &str, target: &str) -> Option<IpAddr> {
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_760_000_000_000;

    fn hash_of(path: &Path) -> u64 {
        let mut hasher = DefaultHasher::new();
        stamp(path, &mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_file_that_comes_changes_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("status");
        let none = hash_of(&file);
        fs::write(&file, "a").unwrap();
        let first = hash_of(&file);
        assert_eq!(first, hash_of(&file));
        let later = fs::metadata(&file).unwrap().modified().unwrap() + std::time::Duration::from_millis(1);
        fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        assert_ne!(hash_of(&file), first);
        fs::remove_file(&file).unwrap();
        assert_eq!(hash_of(&file), none);
        assert_ne!(none, first);
    }

    #[test]
    fn nothing_that_moved_is_the_same_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::within(folder.path(), Some("home"), None);
        let take = || Fingerprint::take(&places, UnixMs::new(NOW));
        assert_eq!(take(), take());
    }

    #[test]
    fn the_offset_is_of_this_planet() {
        let minutes = utc_offset(UnixMs::new(NOW)).unwrap();
        assert!((-12 * 60..=14 * 60).contains(&minutes));
    }
}
