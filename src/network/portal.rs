//! Whether a network lets the desk out, or answers itself with a sign-in page.
//!
//! Pure: it reads what a visit saw. A portal is claimed only on what nobody else would answer.

use super::https::{Head, Seen, Stop};
use url::Url;

/// What the answer of a portal check says. The service behind it answers 204 with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portal {
    /// The way is open.
    Open,
    /// Somebody else answered.
    Captive,
    /// It cannot be told.
    Unknown,
}

/// Reads the visit to the address of a portal check.
pub fn of_check(url: &Url, seen: &Seen) -> Portal {
    if seen.stopped == Some(Stop::Forbidden) && url.host().is_some_and(|h| matches!(h, url::Host::Domain(_)))
    {
        // The address is a public one by the rules, so whoever says that it is on this network wants
        // the traffic for himself.
        return Portal::Captive;
    }
    match &seen.head {
        Some(head) if head.status == 204 && !head.body => Portal::Open,
        // Behind TLS nobody else can have answered: then the check's own server is not well.
        Some(_) if url.scheme() == "https" => Portal::Unknown,
        // Network Authentication Required says so itself (RFC 6585). Errors are a server's own.
        Some(Head { status: 511 | 200..=399, .. }) => Portal::Captive,
        _ => Portal::Unknown,
    }
}

/// Whether an endpoint's answer sends away to another host, in the plain: no service does, and portals do.
pub fn sent_away(url: &Url, seen: &Seen) -> bool {
    let Some(head) = seen.head.as_ref().filter(|h| (300..400).contains(&h.status)) else { return false };
    let target = head.location.as_deref().and_then(|l| url.join(l).ok());
    target.is_some_and(|t| t.scheme() == "http" && t.host_str() != url.host_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Failure;

    fn answered(status: u16, location: Option<&str>, body: bool) -> Seen {
        let head = Head { status, location: location.map(Into::into), body, websocket: None };
        Seen { head: Some(head), done: true, ..Seen::default() }
    }

    fn stopped(stop: Stop) -> Seen {
        Seen { stopped: Some(stop), done: true, ..Seen::default() }
    }

    #[test]
    fn only_what_nobody_else_would_answer_is_a_portal() {
        let plain: Url = "http://portal.example/204".parse().unwrap();
        for (seen, expected) in [
            (answered(204, None, false), Portal::Open),
            (answered(204, None, true), Portal::Captive),
            (answered(200, None, true), Portal::Captive),
            (answered(302, Some("http://10.0.0.1/login"), true), Portal::Captive),
            (answered(511, None, true), Portal::Captive),
            (answered(404, None, true), Portal::Unknown),
            (answered(503, None, true), Portal::Unknown),
            (stopped(Stop::Failed(Failure::NoAnswer)), Portal::Unknown),
            (stopped(Stop::Forbidden), Portal::Captive),
            (Seen::default(), Portal::Unknown),
        ] {
            assert_eq!(of_check(&plain, &seen), expected, "{seen:?}");
        }
        let behind_tls: Url = "https://portal.example/204".parse().unwrap();
        assert_eq!(of_check(&behind_tls, &answered(200, None, true)), Portal::Unknown);
        assert_eq!(of_check(&behind_tls, &answered(204, None, false)), Portal::Open);
        let written_out: Url = "http://10.0.0.1/".parse().unwrap();
        assert_eq!(of_check(&written_out, &stopped(Stop::Forbidden)), Portal::Unknown);
    }

    #[test]
    fn only_a_plain_redirect_elsewhere_sends_away() {
        let url: Url = "https://service.example/x".parse().unwrap();
        let to = |location| sent_away(&url, &answered(302, Some(location), false));
        assert!(to("http://login.hotel.example/"));
        assert!(!to("https://login.service.example/"));
        assert!(!to("http://service.example/y"));
        assert!(!to("/y"));
        assert!(!to("http://[bad"));
        assert!(!sent_away(&url, &answered(200, Some("http://login.hotel.example/"), true)));
    }
}
