//! Where a collector may be: `https` anywhere, `http` on this computer only.

use url::{Host, Url};

/// Why an address is not one of a collector. The messages do not repeat what was typed: it may hold
/// a code or a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address.
    #[error("this is not an address: expected one such as https://collector.example")]
    NotAnAddress,
    /// It is not encrypted.
    #[error(
        "a collector must be reached by https; http is allowed on this computer only (127.0.0.1, [::1], localhost)"
    )]
    NotEncrypted,
    /// There is more in it than scheme, host and port.
    #[error(
        "an address of a collector has only scheme, host and port, such as https://collector.example:8443"
    )]
    TooMuch,
}

/// Reads the address of a collector.
pub fn collector(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text.trim()).map_err(|_| AddressError::NotAnAddress)?;
    check(&url).map(|()| url)
}

/// Checks the address of a collector: also one that is read from our own file.
pub fn check(url: &Url) -> Result<(), AddressError> {
    if !url.has_host() || url.host_str() == Some("") {
        return Err(AddressError::NotAnAddress);
    }
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        "https" | "http" if !bare => Err(AddressError::TooMuch),
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(AddressError::NotEncrypted),
        _ => Err(AddressError::NotAnAddress),
    }
}

/// Whether an address is on this computer.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // RFC 6761: names resolve `localhost` to loopback and nowhere else.
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_computer() {
        for good in [
            "https://collector.example",
            " https://collector.example:8443/ ",
            "https://192.0.2.1",
            "http://127.0.0.1:8080",
            "http://127.8.8.8",
            "http://[::1]:1",
            "http://localhost:8080/",
        ] {
            assert!(collector(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://collector.example", AddressError::NotEncrypted),
            ("http://localhost.evil.example", AddressError::NotEncrypted),
            ("http://192.168.1.1", AddressError::NotEncrypted),
            ("http://0.0.0.0", AddressError::NotEncrypted),
            ("http://[::ffff:127.0.0.1]", AddressError::NotEncrypted),
            ("https://user@collector.example", AddressError::TooMuch),
            ("https://:secret@collector.example", AddressError::TooMuch),
            ("https://collector.example/path", AddressError::TooMuch),
            ("https://collector.example/?code=1", AddressError::TooMuch),
            ("https://collector.example/#a", AddressError::TooMuch),
            ("ftp://127.0.0.1", AddressError::NotAnAddress),
            ("file:///etc/passwd", AddressError::NotAnAddress),
            ("collector.example", AddressError::NotAnAddress),
            ("", AddressError::NotAnAddress),
        ] {
            assert_eq!(collector(bad), Err(why), "{bad}");
        }
    }
}
