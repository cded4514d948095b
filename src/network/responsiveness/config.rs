//! The server's configuration: where the small object, the large one and the sink are.

use serde::Deserialize;
use url::Url;

/// More is no configuration.
pub const MOST: usize = 16 << 10;

/// The addresses of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// One byte.
    pub small: Url,
    /// As much as one takes.
    pub large: Url,
    /// Takes as much as one sends.
    pub upload: Url,
}

#[derive(Deserialize)]
struct Configuration {
    version: u32,
    urls: Written,
}

#[derive(Deserialize)]
struct Written {
    #[serde(alias = "small_https_download_url")]
    small_download_url: String,
    #[serde(alias = "large_https_download_url")]
    large_download_url: String,
    #[serde(alias = "https_upload_url")]
    upload_url: String,
}

/// Reads it. All addresses must be on the server that it came from: a configuration cannot send the load of
/// many desks to somebody who did not ask for it.
pub fn parse(bytes: &[u8], from: &Url) -> Option<Urls> {
    let read: Configuration = serde_json::from_slice(bytes).ok()?;
    let at = |written: &str| {
        let url = from.join(written).ok()?;
        let there = url.origin() == from.origin() && url.username().is_empty() && url.password().is_none();
        there.then_some(url)
    };
    let Written { small_download_url, large_download_url, upload_url } = read.urls;
    (read.version == 1).then_some(())?;
    Some(Urls { small: at(&small_download_url)?, large: at(&large_download_url)?, upload: at(&upload_url)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: &str, small: &str) -> Option<Urls> {
        let text = format!(
            r#"{{"version": {version}, "test_endpoint": "x.example", "urls": {{"small_download_url": "{small}",
               "large_download_url": "/large", "upload_url": "https://nq.example/upload"}}}}"#
        );
        parse(text.as_bytes(), &"https://nq.example/.well-known/nq".parse().unwrap())
    }

    #[test]
    fn addresses_are_whole_or_relative_and_on_the_same_server() {
        let urls = read("1", "/a/small").unwrap();
        assert_eq!(urls.small.as_str(), "https://nq.example/a/small");
        assert_eq!(urls.large.as_str(), "https://nq.example/large");
        assert!(read("1", "https://nq.example:443/small").is_some());
        for elsewhere in [
            "https://victim.example/small",
            "http://nq.example/small",
            "https://nq.example:8443/small",
            "//victim.example/small",
            "https://nq.example@victim.example/",
            "https://a:b@nq.example/small",
            "file:///etc/passwd",
            "data:,x",
        ] {
            assert_eq!(read("1", elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn names_of_older_drafts_are_read_and_nonsense_is_not() {
        let from: Url = "https://nq.example/config".parse().unwrap();
        let older = br#"{"version": 1, "urls": {"small_https_download_url": "/s", "large_https_download_url": "/l", "https_upload_url": "/u"}}"#;
        assert_eq!(parse(older, &from).unwrap().upload.path(), "/u");
        let twice = br#"{"version": 1, "urls": {"small_download_url": "/s", "small_download_url": "/t", "large_download_url": "/l", "upload_url": "/u"}}"#;
        assert!(parse(twice, &from).is_none());
        assert!(read("2", "/small").is_none());
        for nonsense in ["", "{}", "<html>", "[]", r#"{"version": 1}"#, r#"{"version": 1, "urls": {}}"#] {
            assert!(parse(nonsense.as_bytes(), &from).is_none(), "{nonsense}");
        }
    }
}
