//! Whether a path can be written into the text that a system wants, and how.

use std::path::Path;

/// A path that cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path '{shown}' has {what}, so that it cannot be registered; install Preshift in another folder")]
pub struct Unfit {
    shown: String,
    what: &'static str,
}

/// The path as text without control characters: a line end would begin another setting, and XML 1.0 has no
/// way to write most of the others.
pub fn text(path: &Path) -> Result<&str, Unfit> {
    let unfit = |what| Unfit { shown: path.display().to_string().escape_debug().to_string(), what };
    let text = path.to_str().ok_or_else(|| unfit("characters that are not Unicode"))?;
    // U+FFFE and U+FFFF are Unicode's, but not XML's.
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(unfit("control characters"));
    }
    Ok(text)
}

/// Text as the content of an XML element.
pub fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What `xml` wrote, read again.
pub fn from_xml(escaped: &str) -> String {
    // The ampersand last: "&amp;lt;" is "&lt;" and no "<".
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(escaped.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Paths that people really have, and those that somebody might make.
#[cfg(test)]
pub const HOSTILE: [&str; 8] = [
    "/opt/preshift/preshift",
    "/home/anna maria/my programs/preshift",
    "/home/müller & söhne/<new>/preshift",
    "/home/o'brien/\"quoted\"/preshift",
    "/home/日本語/preshift",
    "/home/%h/$HOME/${USER}/%%/preshift",
    r"/home/back\slash\n/preshift",
    "/home/]]>&amp;&#10;</Command>/preshift",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_reads_back_whatever_was_written() {
        for path in HOSTILE {
            let escaped = xml(path);
            assert!(!escaped.contains(['<', '>', '"', '\'']), "{escaped}");
            assert_eq!(from_xml(&escaped), path);
        }
    }

    #[test]
    fn control_characters_are_refused_with_a_way_out() {
        for path in ["/a\nExecStart=/bin/evil", "/a\r", "/a\t", "/a\u{7f}", "/a\u{85}", "/a\u{ffff}"] {
            let said = text(Path::new(path)).unwrap_err().to_string();
            assert!(said.contains("control characters") && said.contains("another folder"), "{said}");
            assert!(!said.contains('\n'), "{said:?}");
        }
        for path in HOSTILE {
            assert_eq!(text(Path::new(path)).unwrap(), path);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/home/\xff/preshift"));
        assert!(text(path).unwrap_err().to_string().contains("not Unicode"));
    }
}
