//! Every profile that is built in is what `docs/profiles.md` says it is; and each rule of a profile's file has a
//! fixture with the exact message that its author reads.
//! `PRESHIFT_UPDATE=1 cargo test -p preshift-readiness --test profiles` writes the messages anew: read them before committing.

use jiff::civil::{Date, date};
use readiness::{
    Host, Policy,
    limits::Override,
    profile::{ChoiceError, FILES, Kind, Profile, ProfileError, builtin, choose, find},
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use telemetry::Codec;
use url::Url;

fn folder(path: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn the_folder_and_the_list_are_one() {
    let names: Vec<String> = folder("../../profiles")
        .iter()
        .map(|p| {
            assert_eq!(p.extension().unwrap(), "toml", "{}", p.display());
            p.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed, "profiles/ and crates/readiness/src/profile/builtin.rs");
    for ((name, _), profile) in FILES.iter().zip(builtin()) {
        assert_eq!(profile.id.as_str(), *name, "a profile's id is its file's name");
    }
    for platform in [
        "amazon-connect",
        "genesys-cloud",
        "twilio-flex",
        "five9",
        "nice-cxone",
        "talkdesk",
        "zoom-contact-center",
        "microsoft-teams",
        "ringcentral",
        "8x8",
        "generic-webrtc",
    ] {
        assert!(find(platform, &[]).is_ok(), "{platform}");
    }
}

/// A figure without a source, or a source that nothing was read in, would be a guess.
#[test]
fn each_figure_has_a_source_with_a_date_and_each_source_a_figure() {
    let (first, last): (Date, Date) = (date(2026, 11, 1), date(2100, 1, 1));
    for p in builtin() {
        let mut named = BTreeSet::new();
        named.extend(p.needs.iter().map(|n| &n.source));
        named.extend(p.targets.iter().map(|t| &t.source));
        named.extend(p.limits.iter().map(|l| &l.source));
        named.extend(p.codecs.iter().map(|c| &c.source));
        named.extend(p.figures.iter().map(|f| &f.source));
        for r in &p.regions {
            named.extend(r.needs.iter().map(|n| &n.source));
            named.extend(r.targets.iter().map(|t| &t.source));
        }
        for source in &p.sources {
            assert!(named.contains(&source.id), "{}: nothing was read in '{}'", p.id, source.id);
            assert!((first..last).contains(&source.read), "{}: {}", p.id, source.read);
        }
        assert!(named.iter().all(|id| p.source(id).is_some()), "{}", p.id);
        assert!(!p.unverified.is_empty(), "{}: is everything known of it?", p.id);
        // A profile that is mostly one page's words would not be ours; a region without a name tells nobody anything.
        assert!(p.regions.iter().all(|r| r.name != r.id.as_str()), "{}", p.id);
    }
}

fn choices() -> Vec<String> {
    let all = builtin().iter().map(|p| match p.regions.as_slice() {
        [] => vec![p.id.to_string()],
        regions => regions.iter().map(|r| format!("{}/{}", p.id, r.id)).collect(),
    });
    all.flatten().collect()
}

/// Whatever is chosen, on top of whatever we serve ourselves, is a valid policy of public hosts.
#[test]
fn every_choice_is_a_valid_policy_of_public_hosts() {
    assert!(choices().len() > 35);
    for choice in choices() {
        let addition = choose(&choice, &[]).unwrap();
        assert_eq!(addition.choice(), choice);
        for policy in [Policy::builtin(), Policy::for_collector(862)] {
            let with = addition.apply(&policy).unwrap_or_else(|e| panic!("{choice}: {e}"));
            with.validate().unwrap();
            assert_eq!(
                (&with.id, with.version, &with.required),
                (&policy.id, policy.version, &policy.required)
            );
            assert!(with.profile.is_none());
        }
        let t = &addition.targets;
        assert!(t.reflectors.is_empty() && t.portal.is_none(), "{choice}");
        let named = |h: &Host| match h {
            Host::Named(name) => name.clone(),
            Host::Collector => panic!("{choice}: a platform is not the collector"),
        };
        let mut hosts: Vec<String> = t.stun.iter().map(|s| named(&s.host)).collect();
        hosts.extend(t.turn.iter().map(|t| named(&t.host)));
        hosts.extend(t.names.clone());
        for url in t.endpoints.iter().map(|e| &e.url).chain(t.signalling.iter().map(|s| &s.url)) {
            let url = Url::parse(url).unwrap();
            assert!(matches!(url.scheme(), "https" | "wss"), "{choice}: {url}");
            assert!(url.port().is_none() && url.query().is_none(), "{choice}: {url}");
            hosts.push(url.host_str().unwrap().to_owned());
        }
        for host in hosts {
            assert!(host.contains('.') && host.parse::<std::net::IpAddr>().is_err(), "{choice}: {host}");
            assert!(!host.ends_with(".example.com") && !host.contains(['{', '*', '_']), "{choice}: {host}");
        }
        let ids = t.endpoints.iter().map(|e| &e.id).chain(t.stun.iter().map(|s| &s.id));
        let ids = ids.chain(t.turn.iter().map(|t| &t.id)).chain(t.signalling.iter().map(|s| &s.id));
        let prefix = format!("{}-", addition.profile);
        assert!(ids.into_iter().all(|id| id.as_str().starts_with(&prefix)), "{choice}");
    }
}

/// What IT says in the policy goes before what a platform publishes.
#[test]
fn the_policy_goes_before_the_profile() {
    let twilio = choose("twilio-flex/dublin", &[]).unwrap();
    assert_eq!(twilio.limits["rtt"], Override { good: Some(200.0), bad: Some(400.0) });
    let mut policy = Policy::builtin();
    let own = Override { good: Some(90.0), bad: None };
    policy.limits.insert("rtt".into(), own);
    policy.codec = Codec::G729a;
    policy.targets.names = vec!["softphone.example.net".into()];
    let with = twilio.apply(&policy).unwrap();
    assert_eq!(with.limits["rtt"], own);
    assert_eq!(with.limits["jitter"].good, Some(30.0));
    assert_eq!(with.codec, Codec::G729a);
    assert_eq!(with.targets.names, ["softphone.example.net"]);
    assert_eq!(with.targets.signalling[0].url, "wss://voice-js.dublin.twilio.com/signal");
    let generic = choose("generic-webrtc", &[]).unwrap();
    assert_eq!(generic.apply(&Policy::builtin()).unwrap().codec, Codec::OpusEstimate);
    // Twice on top is once too often: two targets of one id.
    let twice = twilio.apply(&twilio.apply(&policy).unwrap()).unwrap_err().to_string();
    assert!(twice.contains("'twilio-flex-stun' twice"), "{twice}");
}

#[test]
fn regions_are_put_in() {
    let target = |choice: &str| choose(choice, &[]).unwrap().targets;
    let london = target("amazon-connect/eu-west-2");
    assert_eq!(
        london.turn[0].host,
        Host::Named("turnnlb-1dc64a459ead57ea.elb.eu-west-2.amazonaws.com".into())
    );
    assert_eq!((london.turn[0].udp, london.turn[0].tcp, london.turn[0].tls), (Some(3478), None, None));
    assert_eq!(london.endpoints[0].url, "https://participant.connect.eu-west-2.amazonaws.com/");
    assert_eq!(target("amazon-connect/us-east-1").turn.len(), 3);
    assert_eq!(target("genesys-cloud/eu-west-1").signalling[0].url, "wss://streaming.mypurecloud.ie/");
    assert!(target("ringcentral") == readiness::Targets::default(), "no host of it is published");
}

#[test]
fn a_choice_that_cannot_be_says_what_there_is() {
    let said = |choice: &str| choose(choice, &[]).unwrap_err().to_string();
    let no_such = said("amazon-conect");
    assert!(
        no_such.starts_with(
            "there is no profile 'amazon-conect' (did you mean 'amazon-connect'?); there are 8x8, "
        ),
        "{no_such}"
    );
    assert!(said("avaya").starts_with("there is no profile 'avaya'; there are "));
    assert_eq!(
        said("talkdesk"),
        "profile 'talkdesk' needs a region: write talkdesk/REGION with one of us, eu, ca"
    );
    assert_eq!(
        said("amazon-connect/eu-west2"),
        format!(
            "profile 'amazon-connect' has no region 'eu-west2' (did you mean 'eu-west-2'?); it has {}",
            find("amazon-connect", &[])
                .unwrap()
                .regions
                .iter()
                .map(|r| r.id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )
    );
    assert_eq!(said("five9/us"), "profile 'five9' has no regions: write five9 alone");
    assert!(matches!(choose("", &[]), Err(ChoiceError::NoSuch { .. })));
    // What was typed may hold anything, and ends up on a terminal.
    let nasty = said(&format!("\u{1b}[31m{}", "x".repeat(5_000)));
    assert!(!nasty.contains('\u{1b}') && nasty.len() < 600, "{nasty}");
}

/// The digest says whether two people mean the same profile.
#[test]
fn the_digest_is_of_the_file_whatever_its_ends_of_lines() {
    let text = FILES.iter().find(|(name, _)| *name == "five9").unwrap().1;
    let digest = |text: &str| Profile::parse(text).unwrap().digest;
    assert_eq!(digest(text), digest(&text.replace('\n', "\r\n")));
    assert_ne!(digest(text), digest(&text.replace("Five9 needs", "Five9 wants")));
}

#[test]
fn each_bad_profile_is_refused_with_its_message() {
    let update = std::env::var_os("PRESHIFT_UPDATE").is_some();
    let mut seen = 0;
    for file in folder("tests/profiles").into_iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let error = match Profile::parse(&text) {
            Err(error) => error,
            Ok(_) => panic!("{} was accepted", file.display()),
        };
        let said = format!("{error}\n");
        assert!(!said.contains('\u{1b}'), "{}", file.display());
        let expected = file.with_extension("txt");
        if update {
            std::fs::write(&expected, &said).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected)
            .unwrap_or_else(|e| panic!("{} has no message beside it: {e}", file.display()));
        assert_eq!(said, wanted, "{}", file.display());
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} fixtures were found");
}

#[test]
fn hostile_files_do_no_harm() {
    let good = FILES.iter().find(|(name, _)| *name == "twilio-flex").unwrap().1;
    // Cut anywhere, with zeros, doubled lines and braces in odd places: an error, and never a panic.
    for end in (0..good.len()).step_by(97).filter(|end| good.is_char_boundary(*end)) {
        let _ = Profile::parse(&good[..end]);
    }
    for (from, to) in [
        ("twilio.com", "twi\u{0}lio.com"),
        ("{region}", "{"),
        ("{region}", "}{"),
        ("{region}", "{{region}}"),
        ("443", "70000"),
    ] {
        let spoilt = good.replace(from, to);
        assert!(Profile::parse(&spoilt).is_err(), "{from} -> {to}");
    }
    let doubled: String = good.lines().flat_map(|l| [l, "\n", l, "\n"]).collect();
    assert!(Profile::parse(&doubled).is_err());
    let long = format!("{good}\n# {}", "x".repeat(70_000));
    assert!(matches!(Profile::parse(&long), Err(ProfileError::TooLong { .. })));
    let many: String =
        (0..50).map(|i| format!("\n[[regions]]\nid = \"more{i}\"\nname = \"More\"\n")).collect();
    let error = Profile::parse(&format!("{good}{many}")).unwrap_err().to_string();
    assert!(error.contains("at most 40 are allowed"), "{error}");
}

/// A profile of one's own may point at this computer, to try it out, and never into somebody's network.
#[test]
fn a_profile_of_ones_own_keeps_the_caps_of_a_policy() {
    let own = |host: &str| {
        Profile::parse(&format!(
            "id = 'ours'\nname = 'Ours'\nversion = 1\nsummary = 'A lab.'\n\
             [[sources]]\nid = 'it'\ntitle = 'IT'\nurl = 'https://it.example.com/'\nread = '2026-11-26'\n\
             [[stun]]\nid = 'stun'\nhost = '{host}'\nport = 3478\nsource = 'it'\n"
        ))
    };
    let loopback = own("127.0.0.1").unwrap();
    let addition = choose("ours", std::slice::from_ref(&loopback)).unwrap();
    assert_eq!(addition.targets.stun[0].id.as_str(), "ours-stun");
    for shut in ["192.168.1.1", "10.0.0.1", "0xa.1", "fe80::1", "169.254.169.254"] {
        let error = own(shut).unwrap_err().to_string();
        assert!(error.contains("private address"), "{shut}: {error}");
    }
    for wrong in ["@collector", "a b", "", "user@host"] {
        assert!(own(wrong).is_err(), "{wrong}");
    }
    // A file of one's own goes before what is built in.
    let text = FILES.iter().find(|(name, _)| *name == "five9").unwrap().1;
    let mine = Profile::parse(&text.replace("version = 1", "version = 7")).unwrap();
    assert_eq!(choose("five9", &[mine]).unwrap().version, 7);
    assert!(matches!(&loopback.targets[0].kind, Kind::Stun { port: 3478, .. }));
}

#[test]
fn the_json_of_an_addition_is_strict() {
    let addition = choose("twilio-flex/tokyo", &[]).unwrap();
    let mut json = serde_json::to_value(&addition).unwrap();
    assert_eq!(serde_json::from_value::<readiness::profile::Addition>(json.clone()).unwrap(), addition);
    json["more"] = 1.into();
    assert!(serde_json::from_value::<readiness::profile::Addition>(json).is_err());
}
