//! Findings about the connection, name resolution and services.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::{CompanyNetwork, Computer, HomeNetwork, Undetermined};
use telemetry::FindingCode::{
    CaptivePortal, DnsDown, DnsPartlyDown, GatewayUnreachable, NoNetwork, ServiceUnreachable,
};
use telemetry::Severity::{Blocking, Note, Warning};

pub(super) static NO_NETWORK: Entry = Entry {
    title: "The computer is not connected to a network",
    why: "Without a network no call can reach this desk.",
    advice: "Plug in the network cable, or switch Wi-Fi on and choose your network. Is airplane mode off? If the router shows no lights, restart it and wait two minutes.",
    domains: &[HomeNetwork, Computer],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static GATEWAY_UNREACHABLE: Entry = Entry {
    title: "The home router does not answer",
    why: "Everything that this desk sends goes through the router.",
    advice: "Check that the router is on. Unplug it, wait ten seconds, plug it in again and give it two minutes. On Wi-Fi, move closer or use a cable.",
    domains: &[HomeNetwork],
    // Doubtful where nothing else was tried: some routers never answer and work all the same.
    grades: Grades { doubtful: Note, bad: Blocking },
    damping: Damping::TWICE,
    moot_by: &[NoNetwork],
};

pub(super) static WIFI_SIGNAL_WEAK: Entry = Entry {
    title: "The Wi-Fi signal is weak",
    why: "A weak signal loses parts of words, most of all when others at home use the network.",
    advice: "Use a network cable if you can. Otherwise move closer to the router, or move what stands between it and you: walls, metal and microwave ovens weaken it most.",
    domains: &[HomeNetwork],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[NoNetwork],
};

pub(super) static WIFI_RATE_LOW: Entry = Entry {
    title: "The Wi-Fi connection is slow",
    why: "At its lowest speeds, Wi-Fi is busy with every word for long, and words arrive late.",
    advice: "Use a network cable if you can. Otherwise move closer to the router, and choose its 5 GHz network if it offers two.",
    domains: &[HomeNetwork],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[NoNetwork],
};

pub(super) static DNS_DOWN: Entry = Entry {
    title: "Names of servers cannot be looked up",
    why: "Your softphone finds its servers by their names; without them it cannot sign in.",
    advice: "Restart the router and wait two minutes. If you use a VPN, disconnect and connect it again. If it stays so, tell your IT support: name resolution (DNS) fails.",
    domains: &[Undetermined],
    grades: Grades::always(Blocking),
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable],
};

pub(super) static DNS_PARTLY_DOWN: Entry = Entry {
    title: "Some of the servers that look up names do not answer",
    why: "Signing in and connecting may hang for some seconds each time.",
    advice: "You can work. Restart the router when you have time. If it stays so, tell your IT support that one DNS server does not answer.",
    domains: &[Undetermined],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[NoNetwork, GatewayUnreachable, DnsDown],
};

pub(super) static DNS_SLOW: Entry = Entry {
    title: "Names of servers are looked up slowly",
    why: "Signing in and picking up calls takes longer than it should.",
    advice: "Stop large downloads and uploads at home. Restart the router when you have time.",
    domains: &[Undetermined],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[NoNetwork, GatewayUnreachable, DnsDown, DnsPartlyDown],
};

pub(super) static SERVICE_UNREACHABLE: Entry = Entry {
    title: "A service that calls need cannot be reached",
    why: "Without it you may be unable to sign in or to take calls.",
    advice: "Does another website open in your browser? If not, restart the router. If it does, tell your IT support which service it is: it may be down for everybody, or blocked on the way.",
    domains: &[Undetermined],
    // Doubtful where it is our own collector: calls do not go through it.
    grades: Grades::HEARD,
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, DnsDown, CaptivePortal],
};

pub(super) static SERVICE_SLOW: Entry = Entry {
    title: "A service that calls need answers slowly",
    why: "Screens and calls open late, while the customer waits.",
    advice: "Stop large downloads and uploads at home, and close programs that you do not need. If it stays slow, tell your IT support.",
    domains: &[Undetermined],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[NoNetwork, GatewayUnreachable, DnsDown, CaptivePortal, ServiceUnreachable],
};

pub(super) static CAPTIVE_PORTAL: Entry = Entry {
    title: "The network asks you to sign in first",
    why: "Until you sign in on the network's own page, nothing else gets through.",
    advice: "Open a browser: the network's page should appear. Sign in or accept its terms there, then check again. Guest networks of hotels and cafés are not fit for calls.",
    domains: &[HomeNetwork],
    grades: Grades::always(Blocking),
    damping: Damping::AT_ONCE,
    moot_by: &[NoNetwork],
};

pub(super) static TLS_INTERCEPTED: Entry = Entry {
    title: "Encrypted connections are opened on the way",
    why: "A security program, a proxy or somebody else reads along; softphones often refuse to work then.",
    advice: "If this is your company's own protection, IT knows about it and there is nothing to do. If you do not know of any, do not sign in anywhere and tell your IT support now.",
    domains: &[CompanyNetwork, Computer],
    grades: Grades::always(Warning),
    damping: Damping::AT_ONCE,
    moot_by: &[NoNetwork, CaptivePortal],
};
