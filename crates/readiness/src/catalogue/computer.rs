//! Findings about the computer and its software.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::Computer;
use telemetry::Severity::{Note, Warning};

pub(super) static CPU_BUSY: Entry = Entry {
    title: "The computer is very busy",
    why: "A busy computer delays your voice and freezes the screen in the middle of a call.",
    advice: "Close programs and browser tabs that you do not need. An update or a virus scan may be running: give it ten minutes and check again.",
    domains: &[Computer],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[],
};

pub(super) static MEMORY_FULL: Entry = Entry {
    title: "The computer's memory is nearly full",
    why: "Programs get slow or stop in the middle of a call.",
    advice: "Close programs and browser tabs that you do not need. If that does not help, save your work and restart the computer.",
    domains: &[Computer],
    grades: Grades::CAUSE,
    damping: Damping::FIGURE,
    moot_by: &[],
};

pub(super) static DISK_FULL: Entry = Entry {
    title: "The disk is nearly full",
    why: "Programs cannot save or update any more, and some stop working.",
    advice: "Empty the recycle bin and remove downloads that you do not need. If that is not enough, ask your IT support for help.",
    domains: &[Computer],
    grades: Grades::CAUSE,
    damping: Damping::TWICE,
    moot_by: &[],
};

pub(super) static BATTERY_LOW: Entry = Entry {
    title: "The computer runs on its battery, and it is low",
    why: "It may slow down to save power, or switch off during a call.",
    advice: "Plug in the charger and check that the computer says it is charging.",
    domains: &[Computer],
    grades: Grades::CAUSE,
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static UPTIME_LONG: Entry = Entry {
    title: "The computer has not been restarted for long",
    why: "Updates wait for a restart, and what goes wrong over weeks is often cured by one.",
    advice: "Restart the computer after your shift.",
    domains: &[Computer],
    grades: Grades::always(Note),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static CLOCK_WRONG: Entry = Entry {
    title: "The computer's clock is wrong",
    why: "Signing in may be refused, and calls appear at wrong times.",
    advice: "Open the date and time settings, switch on setting the time automatically and press synchronise.",
    domains: &[Computer],
    grades: Grades::CAUSE,
    damping: Damping::TWICE,
    moot_by: &[],
};

pub(super) static RESTART_PENDING: Entry = Entry {
    title: "An update waits for a restart",
    why: "The computer may insist on restarting in the middle of your shift.",
    advice: "If there is time before your shift, save your work and restart now; otherwise restart after it.",
    domains: &[Computer],
    grades: Grades::always(Note),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};

pub(super) static BROWSER_OUTDATED: Entry = Entry {
    title: "A browser is too old",
    why: "The softphone in it may not work, or work badly.",
    advice: "Open the browser's menu, choose Help and About: it updates itself there. Then close it and open it again. If it cannot update, tell your IT support.",
    domains: &[Computer],
    grades: Grades::always(Warning),
    damping: Damping::AT_ONCE,
    moot_by: &[],
};
