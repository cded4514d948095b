//! What changes while the voice stream runs.
//!
//! Time runs from the first voice packet that a link sees, not from the start of the program, so that the change meets the
//! stream on slow machines too.

use super::shapes;
use crate::case::{Case, During};
use netshape::Lab;
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// What may change, and where.
pub struct Script<'a> {
    pub case: &'a Case,
    pub seed: u64,
    pub lab: &'a Lab,
    /// libfaketime reads there how far the desk's clock is off.
    pub clock: PathBuf,
}

impl Script<'_> {
    /// Does `work` while the changes happen.
    pub fn beside<T>(&self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        if self.case.during.is_empty() {
            return work();
        }
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let playing = scope.spawn(|| {
                netshape::be_punctual();
                self.play(&over)
            });
            let done = work();
            over.store(true, Ordering::Relaxed);
            match playing.join() {
                Ok(played) => played.and(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn play(&self, over: &AtomicBool) -> anyhow::Result<()> {
        let voice = || self.lab.links().directions().iter().any(|d| d.requests() > 0);
        while !voice() {
            if over.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        let began = Instant::now();
        for moment in moments(&self.case.during) {
            while began.elapsed() < moment {
                if over.load(Ordering::Relaxed) {
                    return Ok(());
                }
                thread::sleep((moment - began.elapsed().min(moment)).min(Duration::from_millis(20)));
            }
            self.change(moment)?;
        }
        Ok(())
    }

    /// Brings about what holds at this moment.
    fn change(&self, moment: Duration) -> anyhow::Result<()> {
        let now: Vec<&During> = self.case.during.iter().filter(|d| holds(d, moment)).collect();
        if self.case.during.iter().any(|d| !d.links.is_empty()) {
            shapes::set(self.lab, self.case, Some(&now), self.seed)?;
        }
        if self.case.jumps() {
            let off: i64 = now.iter().filter_map(|d| d.clock_jump).sum();
            // Renamed into place: whoever reads it meanwhile must not find half of it.
            let new = self.clock.with_extension("new");
            fs::write(&new, format!("{off:+}\n"))?;
            fs::rename(new, &self.clock)?;
        }
        Ok(())
    }
}

/// When something begins or ends, in order.
fn moments(during: &[During]) -> Vec<Duration> {
    let ends = during.iter().filter_map(|d| Some(d.after + d.lasts?));
    let mut all: Vec<Duration> =
        during.iter().map(|d| d.after).chain(ends).map(Duration::from_secs_f64).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn holds(during: &During, moment: Duration) -> bool {
    let begins = Duration::from_secs_f64(during.after);
    let ends = during.lasts.map(|lasts| Duration::from_secs_f64(during.after + lasts));
    begins <= moment && ends.is_none_or(|ends| moment < ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(after: f64, lasts: Option<f64>) -> During {
        During { after, lasts, links: [("wifi".to_owned(), "outage".to_owned())].into(), clock_jump: None }
    }

    #[test]
    fn changes_begin_and_end_in_their_order() {
        let all = [change(2.0, Some(1.5)), change(3.0, None), change(2.0, Some(1.0))];
        let seconds: Vec<f64> = moments(&all).iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds, [2.0, 3.0, 3.5]);
        let at = |n: usize| moments(&all).iter().map(|m| holds(&all[n], *m)).collect::<Vec<_>>();
        assert_eq!(at(0), [true, true, false]);
        assert_eq!(at(1), [false, true, true]);
        assert_eq!(at(2), [true, false, false]);
    }
}
