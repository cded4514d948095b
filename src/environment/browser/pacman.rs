//! The folder of pacman: one folder for each installed package, named `name-version-release`.

/// Name and version of a package, from its folder's name.
pub fn package(folder: &str) -> Option<(&str, &str)> {
    let mut parts = folder.rsplitn(3, '-');
    let (_release, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::browser::of_package;
    use crate::fixtures;
    use proptest::prelude::*;

    /// The browsers of a folder's listing.
    fn said(listing: &str) -> String {
        let one = |folder: &str| {
            let (name, version) = package(folder)?;
            let found = of_package(name, version)?;
            found.version.iter().for_each(fixtures::travels);
            Some(format!("{:?} {:?} {}", found.browser, found.channel, found.version?))
        };
        listing.lines().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn folders_as_they_were_seen() {
        fixtures::check(
            "pacman",
            &[
                (
                    "arch-2024-12.txt",
                    "Brave Stable 1.73.91, Chromium Stable 131.0.6778.85, Firefox Stable 133.0, \
                     Chrome Stable 131.0.6778.85",
                ),
                (
                    "arch-2025-10.txt",
                    "Brave Stable 1.83.118, Firefox Dev 145.0, Firefox Nightly 146.0, Edge Stable 141.0.3537.85",
                ),
                ("endeavouros-2025.txt", "Brave Beta 1.84.90, Chromium Stable 141.0.7390.122"),
                ("manjaro-25.txt", "Firefox Esr 140.4.0, Chrome Dev 143.0.7475.0"),
            ],
            |_, bytes| said(std::str::from_utf8(bytes).unwrap()),
        );
    }

    #[test]
    fn names_with_dashes_and_epochs() {
        assert_eq!(package("firefox-133.0-1"), Some(("firefox", "133.0")));
        assert_eq!(
            package("firefox-developer-edition-134.0b3-1"),
            Some(("firefox-developer-edition", "134.0b3"))
        );
        assert_eq!(package("brave-bin-1:1.73.91-1"), Some(("brave-bin", "1:1.73.91")));
        for bad in ["", "-", "--", "ALPM_DB_VERSION", "a-1", "-1-1"] {
            assert_eq!(package(bad), None, "{bad}");
        }
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("pacman", |bytes| drop(said(&String::from_utf8_lossy(bytes))));
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(name in "\\PC{0,40}", bytes in fixtures::mangled("pacman")) {
            package(&name);
            said(&String::from_utf8_lossy(&bytes));
        }
    }
}
