//! Findings about the voice stream.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::{Computer, HomeNetwork, Undetermined};
use telemetry::FindingCode::{
    CaptivePortal, DnsDown, GatewayUnreachable, JitterHigh, LossHigh, MediaUnreachable, NoNetwork, RttHigh,
    UdpBlocked, WorkstationStall,
};
use telemetry::Severity::{Note, Warning};

pub(super) static MEDIA_UNREACHABLE: Entry = Entry {
    title: "The voice test gets no answer",
    why: "If voice cannot pass, callers hear nothing even though signing in works.",
    advice: "If you use a VPN, disconnect it and check again. Restart the router. If it stays so, tell your IT support that voice traffic (UDP) does not get through.",
    domains: &[Undetermined],
    // Doubtful where only our own collector was asked and nothing says that it runs.
    grades: Grades::HEARD,
    damping: Damping::TWICE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, DnsDown, UdpBlocked],
};

pub(super) static RTT_HIGH: Entry = Entry {
    title: "Voice takes long to get there and back",
    why: "You and the caller begin to talk at the same time.",
    advice: "Stop downloads, uploads and video at home while you work. Use a network cable instead of Wi-Fi. If you use a VPN, ask your IT support whether calls must go through it.",
    domains: &[Undetermined],
    grades: Grades::HEARD,
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};

pub(super) static JITTER_HIGH: Entry = Entry {
    title: "Voice arrives unevenly",
    why: "Words sound choppy or robotic, although nothing seems to be broken.",
    advice: "Use a network cable instead of Wi-Fi. Stop downloads, uploads and video at home while you work.",
    domains: &[Undetermined],
    grades: Grades::HEARD,
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};

pub(super) static LOSS_HIGH: Entry = Entry {
    title: "Parts of the voice are lost",
    why: "Syllables and whole words are missing, for you or for the caller.",
    advice: "Use a network cable instead of Wi-Fi, or move closer to the router. Stop downloads and uploads at home. If it stays so on a cable, tell your internet provider or IT support.",
    domains: &[Undetermined],
    grades: Grades::HEARD,
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};

pub(super) static MOS_LOW: Entry = Entry {
    title: "The call quality would be low",
    why: "Callers would find it tiring to listen to you. 4.4 is as good as it gets; below 3.5 people complain.",
    advice: "Use a network cable instead of Wi-Fi, stop downloads and video at home, and close programs that you do not need. Then check again.",
    domains: &[Undetermined],
    grades: Grades::HEARD,
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable, LossHigh, RttHigh, JitterHigh, WorkstationStall],
};

pub(super) static WORKSTATION_STALL: Entry = Entry {
    title: "The computer itself delays voice",
    why: "It is too busy to send and play voice in time; it sounds like a bad network and is none.",
    advice: "Close programs and browser tabs that you do not need. Plug in the charger. If it goes on, save your work and restart the computer.",
    domains: &[Computer],
    grades: Grades::HEARD,
    damping: Damping::FIGURE,
    moot_by: &[],
};

pub(super) static DSCP_BLEACHED: Entry = Entry {
    title: "The network does not give voice the right of way",
    why: "The mark that asks for it (DSCP) is changed on the way. At home this is usual; it matters when the line is full.",
    advice: "There is nothing that you need to do. Whoever runs a company line, VPN or router on the way can be asked to keep the mark EF (DSCP 46) and to serve it first. Avoid large downloads and uploads while you take calls.",
    domains: &[Undetermined],
    grades: Grades::always(Note),
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};

pub(super) static UPLINK_FULL: Entry = Entry {
    title: "This computer's own uploads fill your line",
    why: "Your voice waits in line behind them, and callers hear you late and choppy.",
    advice: "Stop what this computer uploads: backups, cloud folders, large mails, video. Set them to run after your shift, or to use less of the line. If the router can give calls the right of way (QoS, \"smart queue\"), switch that on.",
    domains: &[HomeNetwork],
    grades: Grades::always(Warning),
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};

pub(super) static DOWNLINK_FULL: Entry = Entry {
    title: "This computer's own downloads fill your line",
    why: "The caller's voice waits in line behind them, and reaches you late and choppy.",
    advice: "Stop what this computer downloads: updates, cloud folders, films. Set them to run after your shift. If the router can give calls the right of way (QoS, \"smart queue\"), switch that on.",
    domains: &[HomeNetwork],
    grades: Grades::always(Warning),
    damping: Damping::FIGURE,
    moot_by: &[MediaUnreachable],
};
