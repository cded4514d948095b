//! What a few seconds of sound amount to: levels and the health of the microphone.
//!
//! Pure: samples and times go in, numbers come out. It keeps sums and block levels, never sound.
//! Levels are relative to digital full scale, where a full-scale sine has −3.01 dBFS. A computer's
//! microphone is not calibrated, so none of this is a sound pressure.

use super::{samples::Samples, weighting::AWeighting};
use std::time::Duration;

/// Stands for silence: no level in dB exists for exact zeros.
pub const SILENCE_DBFS: f64 = -200.0;

/// Full scale of a 16-bit device, the coarsest in use, read as a float.
const FULL_SCALE: f32 = 32_767.0 / 32_768.0;

/// What is thrown away at the beginning: devices click, fade in or send zeros when they open, and
/// the weighting has to settle.
pub const WARM_UP: Duration = Duration::from_millis(250);

/// Levels and health over the time that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// How much was measured.
    pub duration: Duration,
    /// Energy mean, A-weighted, in dBFS.
    pub laeq: f64,
    /// Exceeded in 10 % of 125 ms blocks.
    pub l10: f64,
    /// Exceeded in 90 % of 125 ms blocks.
    pub l90: f64,
    /// Exceeded in 95 % of 20 ms blocks: the floor that holds under speech.
    pub l95: f64,
    /// Share of samples that are exactly zero, in percent.
    pub zeros: f64,
    /// Share of samples at full scale, in percent.
    pub clipped: f64,
    /// Constant offset in percent of full scale, without its sign.
    pub dc: f64,
}

/// Collects the mean power of blocks of one length.
struct Blocks {
    frames: usize,
    seen: usize,
    sum: f64,
    powers: Vec<f64>,
}

impl Blocks {
    fn new(frames: usize, expected: usize) -> Self {
        Self { frames: frames.max(1), seen: 0, sum: 0.0, powers: Vec::with_capacity(expected) }
    }

    #[inline]
    fn add(&mut self, power: f64) {
        self.sum += power;
        self.seen += 1;
        if self.seen == self.frames {
            self.powers.push(self.sum / self.frames as f64);
            (self.seen, self.sum) = (0, 0.0);
        }
    }

    /// The level that `share` of the blocks exceed, by nearest rank.
    fn exceeded_by(&self, share: f64) -> f64 {
        let mut sorted = self.powers.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = ((1.0 - share) * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).map_or(SILENCE_DBFS, |p| dbfs(*p))
    }
}

/// Power relative to full scale as a level.
fn dbfs(power: f64) -> f64 {
    if power > 0.0 { (10.0 * power.log10()).max(SILENCE_DBFS) } else { SILENCE_DBFS }
}

/// Measures sound block by block.
pub struct Meter {
    rate: u32,
    weighting: AWeighting,
    skip: usize,
    wanted: u64,
    frames: u64,
    zeros: u64,
    clipped: u64,
    sum: f64,
    weighted: f64,
    blocks_125: Blocks,
    blocks_20: Blocks,
}

impl Meter {
    /// A meter that is done after `wanted`, not counting the warm-up.
    pub fn new(rate: u32, wanted: Duration) -> Self {
        let per = |ms: usize| rate as usize * ms / 1000;
        let blocks = |ms: u128| (wanted.as_millis() / ms + 1) as usize;
        Self {
            rate,
            weighting: AWeighting::new(f64::from(rate)),
            skip: per(WARM_UP.as_millis() as usize),
            wanted: u64::from(rate) * wanted.as_millis() as u64 / 1000,
            frames: 0,
            zeros: 0,
            clipped: 0,
            sum: 0.0,
            weighted: 0.0,
            blocks_125: Blocks::new(per(125), blocks(125)),
            blocks_20: Blocks::new(per(20), blocks(20)),
        }
    }

    /// Whether it has seen enough.
    pub fn is_done(&self) -> bool {
        self.frames >= self.wanted
    }

    /// How far it is, from 0 to 1.
    pub fn done(&self) -> f32 {
        (self.frames as f32 / self.wanted.max(1) as f32).min(1.0)
    }

    /// Takes one window.
    pub fn add(&mut self, samples: &Samples) {
        for &sample in samples.as_slice() {
            // A broken driver may deliver NaN; it must not spoil the sums for good.
            let sample = if sample.is_finite() { sample } else { 0.0 };
            let x = f64::from(sample);
            let y = self.weighting.step(x);
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if self.is_done() {
                return;
            }
            self.frames += 1;
            self.zeros += u64::from(sample == 0.0);
            self.clipped += u64::from(sample.abs() >= FULL_SCALE);
            self.sum += x;
            let power = y * y;
            self.weighted += power;
            self.blocks_125.add(power);
            self.blocks_20.add(power);
        }
    }

    /// The numbers; `None` if there was nothing to measure.
    pub fn levels(&self) -> Option<Levels> {
        if self.frames == 0 {
            return None;
        }
        let frames = self.frames as f64;
        let percent = |n: u64| 100.0 * n as f64 / frames;
        Some(Levels {
            duration: Duration::from_secs_f64(frames / f64::from(self.rate)),
            laeq: dbfs(self.weighted / frames),
            l10: self.blocks_125.exceeded_by(0.10),
            l90: self.blocks_125.exceeded_by(0.90),
            l95: self.blocks_20.exceeded_by(0.95),
            zeros: percent(self.zeros),
            clipped: percent(self.clipped),
            dc: (100.0 * self.sum / frames).abs(),
        })
    }
}

/// Counts the times that a device delivered less than real time asks for.
///
/// A block that comes late is no loss if the next ones catch up. So the least lag of each half
/// second is compared with that of the one before: only what is never caught up counts.
pub struct Dropouts {
    rate: f64,
    frames: u64,
    window: u64,
    least: f64,
    before: Option<f64>,
    count: u32,
}

impl Dropouts {
    /// The time in which a late device may catch up.
    const WINDOW_S: f64 = 0.5;
    /// The least loss that counts: one block of 20 ms, which the listener hears as a click.
    const LOSS_S: f64 = 0.015;

    /// For a sampling rate in Hz.
    pub fn new(rate: u32) -> Self {
        Self { rate: f64::from(rate), frames: 0, window: 0, least: f64::INFINITY, before: None, count: 0 }
    }

    /// A block of so many frames came so long after the first one was asked for.
    pub fn add(&mut self, at: Duration, frames: usize) {
        let window = (at.as_secs_f64() / Self::WINDOW_S) as u64;
        if window != self.window {
            self.close();
            self.window = window;
        }
        self.frames += frames as u64;
        self.least = self.least.min(at.as_secs_f64() - self.frames as f64 / self.rate);
    }

    /// How often something was lost. The last half second has no one after it that could show
    /// whether it was caught up, and so does not count.
    pub fn finish(self) -> u32 {
        self.count
    }

    fn close(&mut self) {
        if self.least.is_finite() {
            if self.before.is_some_and(|before| self.least - before > Self::LOSS_S) {
                self.count += 1;
            }
            self.before = Some(self.least);
        }
        self.least = f64::INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn measure(rate: u32, seconds: f64, signal: impl FnMut(usize) -> f64) -> Levels {
        let mut meter = Meter::new(rate, Duration::from_secs_f64(seconds));
        let mut samples = Samples::new();
        let total = ((seconds + WARM_UP.as_secs_f64()) * f64::from(rate)) as usize;
        let sound: Vec<f32> = (0..total).map(signal).map(|x| x as f32).collect();
        for block in sound.chunks(rate as usize / 50) {
            assert!(samples.fill(block, 1).is_empty());
            meter.add(&samples);
        }
        assert!(meter.is_done(), "{rate} Hz: {} of the time", meter.done());
        meter.levels().unwrap()
    }

    fn sine(rate: u32, f: f64, rms_db: f64) -> impl FnMut(usize) -> f64 {
        let amplitude = 10f64.powf(rms_db / 20.0) * 2f64.sqrt();
        move |i| amplitude * (TAU * f * i as f64 / f64::from(rate)).sin()
    }

    /// A small generator, so that the noises of the tests are the same everywhere.
    fn white(mut seed: u64) -> impl FnMut() -> f64 {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    #[track_caller]
    fn near(got: f64, want: f64, by: f64) {
        assert!((got - want).abs() <= by, "{got} instead of {want}");
    }

    #[test]
    fn a_sine_reads_its_level_at_every_rate() {
        for rate in [8_000, 16_000, 44_100, 48_000] {
            let l = measure(rate, 3.0, sine(rate, 1000.0, -26.0));
            for level in [l.laeq, l.l10, l.l90, l.l95] {
                near(level, -26.0, 0.02);
            }
            near(l.duration.as_secs_f64(), 3.0, 0.001);
            assert!(l.zeros < 0.2 && l.clipped == 0.0 && l.dc < 0.01, "{l:?}");
        }
    }

    #[test]
    fn sines_are_weighted_as_the_standard_says() {
        for (f, db) in [
            (63.0, -26.22),
            (125.0, -16.19),
            (500.0, -3.25),
            (2000.0, 1.20),
            (8000.0, -1.15),
            (16000.0, -6.71),
        ] {
            near(measure(48_000, 2.0, sine(48_000, f, -20.0)).laeq, -20.0 + db, 0.03);
            if f < 4000.0 {
                near(measure(8_000, 2.0, sine(8_000, f, -20.0)).laeq, -20.0 + db, 0.06);
            }
        }
    }

    #[test]
    fn white_and_pink_noise_lose_what_they_should() {
        let mut noise = white(7);
        // Uniform noise from −0.1 to 0.1 has −24.77 dBFS. The curve's mean up to 24 kHz, where this
        // one ends, is −2.73 dB; up to 20 kHz it would be −2.05 dB.
        let l = measure(48_000, 10.0, |_| 0.1 * noise());
        near(l.laeq - -24.77, -2.73, 0.03);

        // Pink noise has the same power in every octave: so do 60 sines from 20 Hz to 20 kHz, evenly
        // by octaves, each of −40 dBFS, together −22.22 dBFS.
        let tones: Vec<f64> = (0..60).map(|i| 20.0 * 1000f64.powf((f64::from(i) + 0.5) / 60.0)).collect();
        let l = measure(48_000, 2.0, |i| {
            let t = i as f64 / 48_000.0;
            let sum: f64 =
                tones.iter().zip(0..).map(|(f, k)| (TAU * (f * t + 0.618 * f64::from(k))).sin()).sum();
            0.01 * 2f64.sqrt() * sum
        });
        near(l.laeq - -22.22, -2.87, 0.05);
    }

    #[test]
    fn one_second_on_and_one_off() {
        let mut on = sine(48_000, 1000.0, -26.0);
        let l = measure(48_000, 10.0, |i| if (i / 48_000).is_multiple_of(2) { on(i) } else { 0.0 });
        near(l.laeq, -29.01, 0.15);
        near(l.l10, -26.0, 0.02);
        assert!(l.l90 < -60.0 && l.l95 < -60.0, "{l:?}");
        near(l.zeros, 50.0, 3.0);
    }

    #[test]
    fn the_floor_under_speech_is_seen_by_l95() {
        // A steady −60 dBFS under bursts of −20 dBFS that fill four fifths of the time.
        let (mut floor, mut burst) = (sine(48_000, 1000.0, -60.0), sine(48_000, 700.0, -20.0));
        let l = measure(48_000, 10.0, |i| {
            let speaking = i % 12_000 < 9_600;
            floor(i) + if speaking { burst(i) } else { 0.0 }
        });
        near(l.l95, -60.0, 0.3);
        assert!(l.laeq > -24.0, "{l:?}");
    }

    #[test]
    fn a_muted_microphone_is_all_zeros() {
        let l = measure(48_000, 1.0, |_| 0.0);
        assert_eq!((l.zeros, l.laeq, l.l95), (100.0, SILENCE_DBFS, SILENCE_DBFS));
    }

    #[test]
    fn clipping_and_offset_are_found() {
        let mut loud = sine(48_000, 997.0, 3.0);
        let l = measure(48_000, 1.0, |i| loud(i).clamp(-1.0, 32_767.0 / 32_768.0));
        // A sine of amplitude 2 is over 1 for two thirds of the time.
        near(l.clipped, 66.7, 0.5);
        let mut quiet = sine(48_000, 1000.0, -40.0);
        let l = measure(48_000, 1.0, |i| 0.05 + quiet(i));
        near(l.dc, 5.0, 0.01);
        near(l.laeq, -40.0, 0.02);
        let mut quiet = sine(48_000, 1000.0, -40.0);
        near(measure(48_000, 1.0, |i| quiet(i) - 0.05).dc, 5.0, 0.01);
    }

    #[test]
    fn a_broken_driver_does_not_break_the_sums() {
        let l = measure(48_000, 1.0, |i| if i % 100 == 0 { f64::NAN } else { f64::from(f32::MAX) * 2.0 });
        assert!(l.laeq.is_finite() && l.dc.is_finite(), "{l:?}");
    }

    #[test]
    fn nothing_measured_is_no_level() {
        assert_eq!(Meter::new(48_000, Duration::from_secs(3)).levels(), None);
    }

    fn arrivals(times: impl Iterator<Item = f64>) -> u32 {
        let mut dropouts = Dropouts::new(48_000);
        for t in times {
            dropouts.add(Duration::from_secs_f64(t), 960);
        }
        dropouts.finish()
    }

    #[test]
    fn late_blocks_that_catch_up_are_no_dropouts() {
        assert_eq!(arrivals((0..150).map(|i| 0.02 * f64::from(i))), 0);
        // Every block of one third of a second comes at its end.
        assert_eq!(arrivals((0..150).map(|i| 0.02 * f64::from(i / 16 * 16 + 15))), 0);
        // A clock that is 300 ppm off.
        assert_eq!(arrivals((0..500).map(|i| 0.020_006 * f64::from(i))), 0);
    }

    #[test]
    fn what_never_comes_is_counted_each_time() {
        let lost = |i: u32| 0.02 * f64::from(i + if i > 40 { 2 } else { 0 } + if i > 90 { 10 } else { 0 });
        assert_eq!(arrivals((0..150).map(lost)), 2);
    }
}
