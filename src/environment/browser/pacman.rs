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

    #[test]
    fn names_with_dashes_and_epochs() {
        assert_eq!(package("firefox-133.0-1"), Some(("firefox", "133.0")));
        assert_eq!(
            package("firefox-developer-edition-134.0b3-1"),
            Some(("firefox-developer-edition", "134.0b3"))
        );
        assert_eq!(package("brave-bin-1:1.73.91-1"), Some(("brave-bin", "1:1.73.91")));
        assert_eq!(package("pipewire-pulse-1:1.2.7-1"), Some(("pipewire-pulse", "1:1.2.7")));
        for bad in ["", "-", "--", "ALPM_DB_VERSION", "a-1", "-1-1"] {
            assert_eq!(package(bad), None, "{bad}");
        }
    }
}
