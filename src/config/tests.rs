use super::*;
use std::fs;

const NOTHING: Environment<'_> = &|_| None;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

/// Each `bad-*.toml` has its exact message in the file beside it.
#[test]
fn every_mistake_in_a_file_has_its_exact_message() {
    let mut seen = 0;
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("bad-") || !name.ends_with(".toml") {
            continue;
        }
        // Its full path is one of Unix: on Windows the mistake in it is another.
        if cfg!(windows) && name == "bad-roots-missing.toml" {
            continue;
        }
        seen += 1;
        let expected = fs::read_to_string(path.with_extension("error")).unwrap();
        let error = Settings::load_from(Some(&path), NOTHING, &Flags::default()).expect_err(&name);
        let said = error.to_string().replace(&path.display().to_string(), "FILE");
        assert_eq!(said.trim_end(), expected.trim_end(), "{name}");
    }
    assert!(seen >= 10, "only {seen} fixtures found");
}

#[cfg(unix)] // The fixture's full path is one of Unix.
#[test]
fn a_good_file_is_taken_and_every_key_of_the_table_is_in_it() {
    let path = fixtures().join("good.toml");
    let settings = Settings::load_from(Some(&path), NOTHING, &Flags::default()).unwrap();
    assert_eq!(settings.log_level, LogLevel::Debug);
    assert_eq!(settings.data_dir, Path::new("/var/tmp/preshift-fixture"));
    assert_eq!(settings.proxy, Proxy::Fixed("http://proxy.example:3128".parse().unwrap()));
    assert_eq!(settings.colour, Colour::Never);
    for (key, words, source) in &settings.shown {
        let expected = if *key == "tls_roots_file" { Source::Default } else { Source::File };
        assert_eq!(*source, expected, "{key}");
        assert!(!words.is_empty(), "{key}");
    }
    assert_eq!(settings.shown.len(), SETTINGS.len());
}

#[cfg(unix)] // The fixture's full path is one of Unix.
#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let path = fixtures().join("good.toml");
    let environment = |name: &str| match name {
        "PRESHIFT_LOG" => Some("warn".into()),
        "PRESHIFT_COLOR" => Some("always".into()),
        "PRESHIFT_PROXY" => Some("".into()),
        _ => None,
    };
    let flags = Flags { log_level: Some("error".into()), ..Flags::default() };
    let settings = Settings::load_from(Some(&path), &environment, &flags).unwrap();
    assert_eq!(settings.log_level, LogLevel::Error);
    assert_eq!(settings.colour, Colour::Always);
    let from = |key| settings.shown.iter().find(|s| s.0 == key).unwrap().2.clone();
    assert_eq!(from("log_level"), Source::Flag("--log-level"));
    assert_eq!(from("color"), Source::Environment("PRESHIFT_COLOR"));
    assert_eq!(from("proxy"), Source::File, "an empty variable is not set");
}

#[test]
fn a_mistake_names_the_layer_it_is_in() {
    let environment = |name: &str| (name == "PRESHIFT_LOG").then(|| "loud".into());
    let said = Settings::load_from(None, &environment, &Flags::default()).unwrap_err().to_string();
    assert_eq!(said, "log_level from PRESHIFT_LOG: 'loud' is not one of error, warn, info, debug, trace");
    let flags = Flags { data_dir: Some("here".into()), ..Flags::default() };
    let said = Settings::load_from(None, NOTHING, &flags).unwrap_err().to_string();
    assert_eq!(said, "data_dir from --data-dir: 'here' is not a full path");
}

#[test]
fn a_named_file_must_be_there_and_the_default_one_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.toml");
    let environment = |name: &str| (name == FILE_VARIABLE).then(|| missing.clone().into_os_string());
    let error = Settings::load(&environment, &Flags::default()).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[test]
fn hostile_files_are_refused_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let long = format!("# {}\n", "x".repeat(FILE_BYTES as usize));
    for bytes in [long.as_bytes(), b"\xff\xfe", b"log_level = \"\0\"", b"[[[[[[[", b"log_level.x = 1"] {
        fs::write(&path, bytes).unwrap();
        assert!(Settings::load_from(Some(&path), NOTHING, &Flags::default()).is_err());
    }
    assert!(Settings::load_from(Some(dir.path()), NOTHING, &Flags::default()).is_err(), "a folder");
}

#[test]
fn a_file_of_certificates_is_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("roots.pem");
    let file = dir.path().join("config.toml");
    fs::write(&file, format!("tls_roots_file = {:?}", pem.display().to_string())).unwrap();
    let load = || Settings::load_from(Some(&file), NOTHING, &Flags::default());
    fs::write(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert_eq!(load().unwrap().tls_roots_file.as_deref(), Some(pem.as_path()));
    fs::write(&pem, "no certificate").unwrap();
    assert!(load().unwrap_err().to_string().ends_with("holds no certificate in PEM"));
    fs::write(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    assert!(load().unwrap_err().to_string().ends_with("a certificate in it is damaged"));
}
