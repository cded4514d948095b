//! Which names are asked, and that all of it ends in time.

use super::*;
use crate::network::resolvers::Resolver;
use crate::probe::{Collector, Occasion};
use telemetry::{DnsAnswer, Hash, ResolverClass, UnixMs};

fn context(policy: &str, collector: Option<&str>) -> Context {
    Context {
        policy: Arc::new(readiness::Policy::parse(&format!("id = 'x'\nversion = 1\n{policy}")).unwrap()),
        collector: collector.map(|url| Collector { url: url.parse().unwrap(), sign: None }),
        occasion: Occasion::Routine,
        clock: Arc::new(|| UnixMs::new(0)),
        hasher: Arc::new(|_| Hash::from_bytes([0; 16])),
        clock_offset: None,
        progress: Arc::new(|_| {}),
        data_dir: Default::default(),
        extra_roots: Arc::new([]),
    }
}

#[test]
fn the_policys_names_come_first() {
    let policy = "targets.names = ['a.example', 'A.example.', 'b.example', 'c.example']\n\
                  targets.endpoints = [{ id = 'e', url = 'https://e.example/' }]";
    assert_eq!(names(&context(policy, None)), ["a.example", "b.example"]);
}

#[test]
fn without_them_the_hosts_that_are_names() {
    let policy = "targets.endpoints = [{ id = 'e', url = 'https://e.example/x' }, { id = 'l', url = 'http://127.0.0.1:1/' },\n\
                  { id = 'c', url = 'https://@collector/x' }]\n\
                  targets.reflectors = [{ id = 'r', host = '@collector' }, { id = 's', host = '2001:db8::1' }]";
    assert_eq!(
        names(&context(policy, Some("https://desk.corp.example:8443"))),
        ["e.example", "desk.corp.example"]
    );
    assert_eq!(names(&context(policy, Some("http://127.0.0.1:8443"))), ["e.example"]);
    assert!(names(&context("", Some("http://localhost:1"))).is_empty());
    assert!(names(&context("", None)).is_empty());
}

#[tokio::test]
async fn no_name_is_not_checked() {
    assert_eq!(measure(&context("", None)).await, Outcome::NotChecked(NotChecked::NoTarget));
}

#[tokio::test]
async fn resolvers_that_never_answer_do_not_hold_it_longer_than_three_seconds() {
    let silent: Vec<_> =
        (0..resolvers::MAX_RESOLVERS).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let resolvers: Vec<Resolver> = silent
        .iter()
        .map(|s| Resolver { address: s.local_addr().unwrap(), class: ResolverClass::Stub })
        .collect();
    let names = ["a.example".to_owned(), "b.example".to_owned()];
    let started = std::time::Instant::now();
    let dns = ask_all(&names, &resolvers).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(dns.queries.len(), 24);
    assert!(dns.queries.iter().all(|q| q.answer == DnsAnswer::Timeout && q.time.is_none()));
    assert_eq!(dns.queries.last().unwrap().resolver, 5);
}
