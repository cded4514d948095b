//! Findings about the way that calls take: which of the platform's needs is blocked, and what to ask for.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::{HomeNetwork, InternetProvider, Undetermined};
use telemetry::FindingCode::{
    CaptivePortal, DnsDown, GatewayUnreachable, MtuBlackHole, NoNetwork, ServiceUnreachable, UdpBlocked,
};
use telemetry::Severity::{Note, Warning};

pub(super) static UDP_BLOCKED: Entry = Entry {
    title: "The network lets web traffic out, but not voice traffic (UDP)",
    why: "Calls then take a slower way through a relay and break up when the line is busy, or have no sound at all.",
    advice: "If you use a VPN, disconnect it and check again. Ask whoever runs the router or firewall, at home or in IT, to allow outgoing UDP to the voice ports of your phone service.",
    domains: &[HomeNetwork, InternetProvider],
    // Bad where no relay can be reached by another way either.
    grades: Grades::HEARD,
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown],
};

pub(super) static TURN_UNREACHABLE: Entry = Entry {
    title: "A relay that carries voice cannot be reached in any way",
    why: "Where voice cannot pass directly it goes through a relay; without one the call connects and nobody hears anything.",
    advice: "If you use a VPN, disconnect it and check again. Ask your IT support to allow the voice relays of your phone service: UDP and TCP 3478, and TLS on port 443.",
    domains: &[Undetermined],
    // Doubtful where another relay can be reached.
    grades: Grades::HEARD,
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown],
};

pub(super) static TURN_UDP_BLOCKED: Entry = Entry {
    title: "A relay that carries voice can only be reached by a detour",
    why: "Over TCP, one lost packet holds up all that follow it: voice stutters where it would only have crackled.",
    advice: "You can work. Ask whoever runs the router or firewall, at home or in IT, to allow outgoing UDP to the voice relays of your phone service, mostly port 3478.",
    domains: &[HomeNetwork, InternetProvider],
    grades: Grades::always(Warning),
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown, UdpBlocked],
};

pub(super) static SIGNALLING_BLOCKED: Entry = Entry {
    title: "The connection over which calls are announced cannot be opened",
    why: "Your softphone keeps a WebSocket open to its service; without it calls do not ring, or it signs out again and again.",
    advice: "If you use a VPN or a security program that scans web traffic, ask your IT support to let WebSockets (wss, port 443) to your phone service pass through unopened.",
    domains: &[Undetermined],
    grades: Grades::HEARD,
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown, ServiceUnreachable],
};

pub(super) static NAT_UNSTABLE: Entry = Entry {
    title: "The router gives this desk another address from moment to moment",
    why: "The other side answers to where voice came from; when that changes within seconds, calls go silent.",
    advice: "Restart the router. If two routers stand behind each other, make one a mere bridge. If it stays so, ask your provider whether your line shares its address with others (CGNAT).",
    domains: &[HomeNetwork, InternetProvider],
    grades: Grades::always(Warning),
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable],
};

pub(super) static MTU_SMALL: Entry = Entry {
    title: "Only small packets get through",
    why: "Video, screen sharing and signing in use larger ones; they get slow or fail while speech still works.",
    advice: "If you use a VPN, tell your IT support: its packet size (MTU) is set too low. Otherwise restart the router, and ask your provider if it stays so.",
    domains: &[Undetermined],
    grades: Grades { doubtful: Note, bad: Warning },
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, MtuBlackHole],
};

pub(super) static MTU_BLACK_HOLE: Entry = Entry {
    title: "Large packets vanish without a word",
    why: "Programs wait for packets that never arrive: pages and sign-in hang, and calls fail to connect, although the line seems fine.",
    advice: "If you use a VPN, tell your IT support: large packets are lost in it, and it should limit the TCP segment size (MSS). Otherwise restart the router and tell your provider the same.",
    domains: &[Undetermined],
    grades: Grades::always(Warning),
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable],
};
