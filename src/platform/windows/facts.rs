//! Facts of the environment, as the registry of Windows tells. What its values mean is
//! `environment::os::windows_version` and `environment::browser::beacon`.

use super::registry::{Here, Hive, Key};
use crate::{
    environment::{
        Places,
        browser::{Found, beacon},
        os::{
            Os,
            windows_version::{self, CURRENT_VERSION, RESTART},
        },
        read,
    },
    network::proxy::windows::SETTINGS,
};
use std::{hash::Hasher, path::Path};

/// Far more than an `application.ini` has.
const MOST: u64 = 65_536;

/// The operating system.
pub fn os(_: &Places) -> Os {
    windows_version::os(&Here)
}

/// The browsers that are installed.
pub fn browsers(_: &Places) -> Found {
    beacon::browsers(&Here, &|folder| read::text(&Path::new(folder).join("application.ini"), MOST).is())
}

/// Takes everything into account that a fact is read from.
pub fn watch(_: &Places, into: &mut dyn Hasher) {
    let mut key = |hive: Hive, path: &str| {
        let written = Key::open(hive, path).is().and_then(|k| k.written());
        into.write_u64(written.unwrap_or(0));
    };
    key(Hive::Machine, CURRENT_VERSION);
    RESTART.iter().for_each(|path| key(Hive::Machine, path));
    beacon::keys().for_each(|(hive, path)| key(hive, &path));
    key(Hive::User, SETTINGS);
    key(Hive::Machine, SETTINGS);
    key(Hive::Machine, r"SYSTEM\CurrentControlSet\Control\TimeZoneInformation");
}
