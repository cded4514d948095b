//! Findings about the line while it is busy.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::{HomeNetwork, InternetProvider};
use telemetry::FindingCode::{CaptivePortal, GatewayUnreachable, LineSlow, NoNetwork};

pub(super) static CHOKES_UPLOAD: Entry = Entry {
    title: "The line is fast but chokes when someone uploads",
    why: "A backup or a sent photo fills the queue of the line, and your voice waits in it behind everything else.",
    advice: "Pause backups and cloud sync while you work, or limit their upload speed. In the router, switch on smart queue management (SQM, or bandwidth control) just below the line's speed. Plug the computer into the router by cable. Ask your provider for it if the router has none.",
    // Whose queue it is, the router's or the modem's and provider's, cannot be told from the desk.
    domains: &[HomeNetwork, InternetProvider],
    grades: Grades::CAUSE,
    damping: Damping::AT_ONCE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, LineSlow],
};

pub(super) static CHOKES_DOWNLOAD: Entry = Entry {
    title: "The line is fast but chokes when someone downloads",
    why: "An update or a film fills the queue of the line, and the caller's voice waits in it behind everything else.",
    advice: "Put off updates and large downloads until after the shift, and ask others at home to limit theirs. In the router, switch on smart queue management (SQM, or bandwidth control) just below the line's speed. Plug the computer into the router by cable. Ask your provider for it if the router has none.",
    domains: &[HomeNetwork, InternetProvider],
    grades: Grades::CAUSE,
    damping: Damping::AT_ONCE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal, LineSlow],
};

pub(super) static SLOW: Entry = Entry {
    title: "The line carries too little for a call",
    why: "A call needs 100 kbit/s each way all the time; on this line, words go missing as soon as anything else is sent.",
    advice: "Stop downloads, uploads and video at home while you work. Use a network cable instead of Wi-Fi, or move closer to the router. If it stays slow on a cable, tell your internet provider.",
    domains: &[HomeNetwork, InternetProvider],
    grades: Grades::CAUSE,
    damping: Damping::AT_ONCE,
    moot_by: &[NoNetwork, GatewayUnreachable, CaptivePortal],
};
