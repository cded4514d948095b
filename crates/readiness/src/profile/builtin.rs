//! The profiles that are built in: every file of the folder `profiles`, which a test holds this list to.

use super::Profile;
use std::sync::OnceLock;

macro_rules! files {
    ($($name:literal)*) => {
        /// Name and text of each.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../profiles/", $name, ".toml"))),)*];
    };
}

files! {
    "8x8"
    "amazon-connect"
    "five9"
    "generic-webrtc"
    "genesys-cloud"
    "microsoft-teams"
    "nice-cxone"
    "ringcentral"
    "talkdesk"
    "twilio-flex"
    "zoom-contact-center"
}

/// Every profile that is built in, by name.
pub fn builtin() -> &'static [Profile] {
    static ALL: OnceLock<Vec<Profile>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| match Profile::parse(text) {
            Ok(profile) => profile,
            // A test reads every one of them.
            Err(error) => panic!("profiles/{name}.toml: {error}"),
        };
        FILES.iter().map(read).collect()
    })
}
