//! What several servers together saw of one socket. Pure.

use super::Asked;
use std::net::SocketAddr;
use telemetry::NatMapping;

/// How the socket is seen by this server, and whether that changed from one request to the next; `None` without an
/// answer. `all` are the servers that the same socket asked, this one among them.
pub fn mapping(own: &Asked, all: &[Asked]) -> Option<(NatMapping, bool)> {
    let last = seen(own)?;
    let moved = moved(own);
    if own.local == Some(last) && !moved {
        return Some((NatMapping::None, false));
    }
    // A second port of one host says nothing about another host; and what moves cannot be compared.
    let host = |asked: &Asked| asked.server.map(|s| s.ip());
    let others: Vec<SocketAddr> =
        all.iter().filter(|other| host(other) != host(own) && !self::moved(other)).filter_map(seen).collect();
    let kind = match others.as_slice() {
        [] => NatMapping::Undetermined,
        _ if moved => NatMapping::Undetermined,
        others if others.iter().all(|o| *o == last) => NatMapping::Same,
        _ => NatMapping::EachServer,
    };
    Some((kind, moved))
}

fn seen(asked: &Asked) -> Option<SocketAddr> {
    asked.answers.last().map(|a| a.mapped)
}

fn moved(asked: &Asked) -> bool {
    asked.answers.windows(2).any(|two| two[0].mapped != two[1].mapped)
}

/// What a server said, for tests.
#[cfg(test)]
pub(super) fn asked(server: &str, local: &str, mapped: &[&str]) -> Asked {
    let answer =
        |m: &&str| super::Answer { rtt: std::time::Duration::from_millis(9), mapped: m.parse().unwrap() };
    Asked {
        server: Some(server.parse().unwrap()),
        local: Some(local.parse().unwrap()),
        sent: 3,
        answers: mapped.iter().map(answer).collect(),
        ..Asked::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "192.168.1.5:5000";

    fn of(own: (&str, &[&str]), others: &[(&str, &[&str])]) -> Option<(NatMapping, bool)> {
        let own = asked(own.0, HOME, own.1);
        let all: Vec<Asked> =
            std::iter::once(own.clone()).chain(others.iter().map(|(s, m)| asked(s, HOME, m))).collect();
        mapping(&own, &all)
    }

    #[test]
    fn kinds_of_translation_are_told_apart() {
        let one = "203.0.113.1:3478";
        let two = "198.51.100.1:3478";
        let (a, b) = ("203.0.113.77:5000", "203.0.113.77:5001");
        assert_eq!(of((one, &[]), &[(two, &[a])]), None, "no answer says nothing");
        assert_eq!(of((one, &[HOME, HOME]), &[]), Some((NatMapping::None, false)));
        assert_eq!(of((one, &[a, a]), &[]), Some((NatMapping::Undetermined, false)));
        assert_eq!(of((one, &[a, a]), &[(two, &[])]), Some((NatMapping::Undetermined, false)));
        assert_eq!(of((one, &[a, a]), &[(two, &[a])]), Some((NatMapping::Same, false)));
        assert_eq!(of((one, &[a, a]), &[(two, &[b])]), Some((NatMapping::EachServer, false)));
        // Another port of the same host is not another host.
        assert_eq!(of((one, &[a]), &[("203.0.113.1:9", &[b])]), Some((NatMapping::Undetermined, false)));
    }

    #[test]
    fn what_changes_for_one_server_is_not_held_against_another() {
        let one = "203.0.113.1:3478";
        let two = "198.51.100.1:3478";
        let (a, b) = ("203.0.113.77:5000", "203.0.113.77:5001");
        assert_eq!(of((one, &[a, b]), &[(two, &[a])]), Some((NatMapping::Undetermined, true)));
        assert_eq!(of((one, &[b]), &[(two, &[b, a])]), Some((NatMapping::Undetermined, false)));
        // Back where it was is still moved.
        assert_eq!(of((one, &[a, b, a]), &[]), Some((NatMapping::Undetermined, true)));
        assert_eq!(
            of((one, &["203.0.113.78:5000", a]), &[]),
            Some((NatMapping::Undetermined, true)),
            "another address"
        );
        assert_eq!(of((one, &[a, HOME]), &[]), Some((NatMapping::Undetermined, true)));
    }
}
