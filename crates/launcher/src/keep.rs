//! When the daemon is started again. Pure.

use std::time::Duration;

/// What systemd waits as well (`RestartSec` of `systemd/preshift.service`).
const PAUSE: Duration = Duration::from_secs(30);
/// What a daemon is given that failed at once `PATIENCE` times in a row: something is wrong that starting
/// does not cure, a full disk say, and a laptop's battery is not ours to spend on it.
const LONG_PAUSE: Duration = Duration::from_secs(600);
/// An upgrade that is just replacing the program is over long before these are used up.
const PATIENCE: u32 = 5;
/// A daemon that ran this long had begun to work.
const WORKED: Duration = Duration::from_secs(60);

/// By this the daemon says that a new version lies in its place and is to go on: `src/platform/windows/program.rs`.
const TAKE_OVER: i32 = 79;
/// Codes of the daemon after which starting it again leads to the same: wrong usage, another daemon that
/// runs already, and settings that are not valid.
const USELESS: [i32; 3] = [64, 75, 78];

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// End, with this code.
    End(i32),
    /// Start it again after a pause.
    AgainIn(Duration),
}

/// Remembers how often the daemon failed at once.
#[derive(Debug, Default)]
pub struct Keeper {
    failed_at_once: u32,
}

impl Keeper {
    /// What comes after the daemon ended with this code, having run for so long.
    pub fn after(&mut self, code: i32, ran: Duration) -> Next {
        self.failed_at_once = if ran >= WORKED { 0 } else { self.failed_at_once + 1 };
        match code {
            TAKE_OVER if self.failed_at_once <= PATIENCE => Next::AgainIn(Duration::ZERO),
            0 => Next::End(0),
            code if USELESS.contains(&code) => Next::End(code),
            _ if self.failed_at_once <= PATIENCE => Next::AgainIn(PAUSE),
            _ => Next::AgainIn(LONG_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_end_and_a_failure_is_tried_again() {
        assert_eq!(Keeper::default().after(0, Duration::ZERO), Next::End(0));
        assert_eq!(Keeper::default().after(1, WORKED), Next::AgainIn(PAUSE));
        // Killed, or an access violation: Windows gives its status as the code.
        assert_eq!(Keeper::default().after(-1_073_741_819, 1_000 * WORKED), Next::AgainIn(PAUSE));
        for code in USELESS {
            assert_eq!(Keeper::default().after(code, WORKED), Next::End(code));
        }
    }

    #[test]
    fn a_new_version_goes_on_at_once_and_one_that_hands_over_for_ever_is_no_loop() {
        let mut keeper = Keeper::default();
        for _ in 0..PATIENCE {
            assert_eq!(keeper.after(TAKE_OVER, Duration::ZERO), Next::AgainIn(Duration::ZERO));
        }
        assert_eq!(keeper.after(TAKE_OVER, Duration::ZERO), Next::AgainIn(LONG_PAUSE));
        assert_eq!(keeper.after(TAKE_OVER, WORKED), Next::AgainIn(Duration::ZERO));
    }

    #[test]
    fn what_fails_at_once_is_not_hammered() {
        let mut keeper = Keeper::default();
        let at_once = WORKED - Duration::from_millis(1);
        for _ in 0..PATIENCE {
            assert_eq!(keeper.after(74, at_once), Next::AgainIn(PAUSE));
        }
        assert_eq!(keeper.after(74, at_once), Next::AgainIn(LONG_PAUSE));
        assert_eq!(keeper.after(74, WORKED), Next::AgainIn(PAUSE), "it had worked again");
        assert_eq!(keeper.after(74, at_once), Next::AgainIn(PAUSE));
    }
}
