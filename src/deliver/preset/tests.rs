//! What an enrolment file may say, and what is said about one that is wrong.

use super::*;

const CODE: &str = "abcde-fghjk-mnpqr-stuvw-xyz23";
const COLLECTOR: &str = "collector = \"https://collector.example:8443\"\n";

fn write(dir: &Path, text: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join("enrolment.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn said(text: impl AsRef<[u8]>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), text);
    let error = Preset::read(&path, Source::Found).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    assert!(!error.contains("fghjk"), "a code is not repeated: {error}");
    error.replace(&format!("{}: ", path.display()), "")
}

#[test]
fn address_and_code_are_read_also_as_people_and_editors_write_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("code.txt");
    std::fs::write(&file, "\u{feff}ABCDE-FGHJK-MNPQR-STUVW-XYZ23\r\n").unwrap();
    // A literal string: a path of Windows is full of backslashes.
    let by_file = format!("{COLLECTOR}code_file = '{}'", file.display());
    for text in [
        format!("{COLLECTOR}code = \"{CODE}\""),
        format!(
            "\u{feff}# From IT\r\ncollector = 'https://collector.example:8443/'\r\ncode = ' {CODE} '\r\n"
        ),
        by_file,
    ] {
        let preset = Preset::read(&write(dir.path(), &text), Source::Found).expect(&text);
        assert_eq!(preset.collector.as_str(), "https://collector.example:8443/");
        assert_eq!(preset.code.as_str(), CODE);
        assert!(!format!("{preset:?}").contains("fghjk"), "a code is not shown");
    }
}

#[test]
fn every_mistake_has_its_message_and_the_way_out() {
    let code = format!("code = \"{CODE}\"\n");
    for (text, expected) in [
        (
            String::new(),
            "collector is missing; add a line such as collector = \"https://collector.example:8443\"",
        ),
        (
            COLLECTOR.into(),
            "code is missing; add the code that preshift-collector enroll-code printed, or code_file with the full path of a file that holds it",
        ),
        (
            format!("{COLLECTOR}{code}code_file = \"/x\""),
            "code and code_file are both there; keep one of them",
        ),
        (
            format!("{COLLECTOR}{code}team = \"north\""),
            "line 3: unknown field `team`, expected one of `collector`, `code`, `code_file`",
        ),
        (format!("collector = 7\n{code}"), "line 1: invalid type: integer `7`, expected a string"),
        (
            format!("collector = \"http://collector.example\"\n{code}"),
            "collector: a collector must be reached by https; http is allowed on this computer only (127.0.0.1, [::1], localhost)",
        ),
        (
            format!("collector = \"https://collector.example/{CODE}\"\n{code}"),
            "collector: an address of a collector has only scheme, host and port, such as https://collector.example:8443",
        ),
        (
            format!("{COLLECTOR}code = \"{CODE}x\""),
            "code: not a valid enrolment code: expected five groups of five, such as abcde-fghjk-mnpqr-stuvw-xyz23",
        ),
        (format!("{COLLECTOR}code_file = \"code.txt\""), "code_file: 'code.txt' is not a full path"),
    ] {
        let told = Preset::parse(&text, &|_| unreachable!()).expect_err(&text).to_string();
        assert_eq!(told, expected, "{text}");
        assert!(!told.contains(&CODE[..29]) || text.contains(&format!("{CODE}x")), "{told}");
    }
}

#[test]
fn hostile_files_are_refused_and_tell_no_code() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let long = dir.path().join("long");
    std::fs::write(&long, "a".repeat(300)).unwrap();
    let by = |path: &Path| format!("{COLLECTOR}code_file = '{}'", path.display());
    assert_eq!(
        said(by(&missing)),
        format!("code_file: {}: it cannot be read (entity not found)", missing.display())
    );
    assert!(said(by(&long)).ends_with("it is larger than 200 bytes, so it is something else"));
    assert!(said(by(dir.path())).contains("it is not a plain file"));
    assert_eq!(said("#".repeat(5000)), "it is larger than 4096 bytes, so it is something else");
    // As PowerShell's redirection writes it.
    let utf16: Vec<u8> = COLLECTOR.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(said([&[0xff, 0xfe][..], &utf16].concat()).starts_with("it is not text in UTF-8"));
    for text in [
        format!("{COLLECTOR}code = {CODE}"),
        format!("{COLLECTOR}code = \"{CODE}"),
        format!("{COLLECTOR}code = [\"{CODE}\"]"),
        format!("{COLLECTOR}code = {{ is = \"{CODE}\" }}"),
        format!("{COLLECTOR}code = \"{CODE}\"\ncode = \"{CODE}\""),
        format!("{COLLECTOR}code = \"{CODE}\0\""),
        format!("[preset]\n{COLLECTOR}code = \"{CODE}\""),
        "[[[[[[[".into(),
        "collector.code.x = 1".into(),
    ] {
        said(text);
    }
    let folder = Preset::read(dir.path(), Source::Found).unwrap_err();
    assert!(matches!(folder.wrong, Wrong::NotAFile), "{folder}");
    let none = Preset::read(&missing, Source::ByHand).unwrap_err();
    assert!(matches!(none.wrong, Wrong::Read(io::ErrorKind::NotFound)), "{none}");
}

#[cfg(unix)]
#[test]
fn what_others_could_have_written_is_not_believed_and_a_pipe_is_not_waited_for() {
    use std::os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), format!("{COLLECTOR}code = \"{CODE}\""));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let error = Preset::read(&path, Source::Found).unwrap_err();
    assert!(matches!(error.wrong, Wrong::Untrusted), "{error}");
    assert!(Preset::read(&path, Source::ByHand).is_ok(), "who names a file answers for it");
    let pipe = dir.path().join("pipe");
    let name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends in 0 and outlives the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(matches!(Preset::read(&pipe, Source::Found).unwrap_err().wrong, Wrong::NotAFile));
}
