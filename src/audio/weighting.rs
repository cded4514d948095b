//! A-weighting (IEC 61672-1) at any sampling rate.
//!
//! Owns the curve and the digital filter that follows it; knows nothing of microphones.
//!
//! A plain bilinear transform is 6 dB wrong at the top of the band, since it maps infinity to
//! half the sampling rate. So only the two low-frequency sections are made that way, and the
//! third is fitted, at the rate in use, to whatever they leave of the curve.

use std::f64::consts::{PI, TAU};
use zeroize::Zeroize;

/// The curve's corner frequencies in Hz (IEC 61672-1, annex E).
const F1: f64 = 20.598997;
const F2: f64 = 107.65265;
const F3: f64 = 737.86223;
const F4: f64 = 12194.217;

/// Gain of the A curve at `f` Hz in dB; 0 dB at 1 kHz.
pub fn a_curve_db(f: f64) -> f64 {
    10.0 * (a_power(f) / a_power(1000.0)).log10()
}

/// The A curve in terms of power, not normalised.
fn a_power(f: f64) -> f64 {
    let f2 = f * f;
    let corner = |c: f64| f2 + c * c;
    let amplitude = F4 * F4 * f2 * f2 / (corner(F1) * corner(F4) * (corner(F2) * corner(F3)).sqrt());
    amplitude * amplitude
}

/// A second-order section, transposed direct form II.
#[derive(Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Section {
    /// Two zeros at 0 Hz and poles at `p` and `q` Hz, by the bilinear transform: exact enough,
    /// since both corners are far below half of any rate.
    fn high_pass(p: f64, q: f64, rate: f64) -> Self {
        let one = |f: f64| {
            let k = (PI * f / rate).tan();
            (1.0 / (1.0 + k), (k - 1.0) / (k + 1.0))
        };
        let ((gp, ap), (gq, aq)) = (one(p), one(q));
        let g = gp * gq;
        Self { b: [g, -2.0 * g, g], a: [ap + aq, ap * aq], state: [0.0; 2] }
    }

    fn power(&self, f: f64, rate: f64) -> f64 {
        let power = |c: [f64; 3]| {
            let (sin, cos) = (TAU * f / rate).sin_cos();
            let re = c[0] + c[1] * cos + c[2] * (2.0 * cos * cos - 1.0);
            let im = c[1] * sin + c[2] * 2.0 * sin * cos;
            re * re + im * im
        };
        power(self.b) / power([1.0, self.a[0], self.a[1]])
    }

    #[inline]
    fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.state[0];
        self.state[0] = self.b[1] * x - self.a[0] * y + self.state[1];
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y
    }
}

/// The filter: give it samples one by one.
pub struct AWeighting {
    sections: [Section; 3],
}

impl AWeighting {
    /// The filter for a sampling rate in Hz.
    pub fn new(rate: f64) -> Self {
        let low = [Section::high_pass(F1, F1, rate), Section::high_pass(F2, F3, rate)];
        let rest = |f: f64| a_power(f) / a_power(1000.0) / (low[0].power(f, rate) * low[1].power(f, rate));
        let mut high = fit(rest, rate);
        let gain = low[0].power(1000.0, rate) * low[1].power(1000.0, rate) * high.power(1000.0, rate);
        high.b = high.b.map(|b| b / gain.sqrt());
        Self { sections: [low[0], low[1], high] }
    }

    /// One sample in, one weighted sample out.
    #[inline]
    pub fn step(&mut self, x: f64) -> f64 {
        self.sections.iter_mut().fold(x, |x, section| section.step(x))
    }

    /// Gain at `f` Hz in dB.
    pub fn gain_db(&self, f: f64, rate: f64) -> f64 {
        10.0 * self.sections.iter().map(|s| s.power(f, rate)).product::<f64>().log10()
    }
}

impl Drop for AWeighting {
    fn drop(&mut self) {
        // The state is made of the last samples.
        for section in &mut self.sections {
            section.state.zeroize();
        }
    }
}

/// Fits a section to a power response by least squares: with x = cos ω, the power of each
/// polynomial is linear in (1, cos ω, cos 2ω), so both are found at once, and again with the
/// weights of the last result (Sanathanan and Koerner) until that settles.
fn fit(target: impl Fn(f64) -> f64, rate: f64) -> Section {
    const POINTS: usize = 240;
    let top = (0.49 * rate).min(20_000.0);
    // Every other point evenly, every other by octaves: the top of the band is where it bends,
    // the bottom must lie flat.
    let grid: Vec<(f64, f64)> = (0..POINTS)
        .map(|i| {
            let part = i as f64 / (POINTS - 1) as f64;
            let f = if i % 2 == 0 { 20.0 + (top - 20.0) * part } else { 20.0 * (top / 20.0).powf(part) };
            (TAU * f / rate, target(f))
        })
        .collect();
    // Unknowns: numerator 1, cos, cos 2; denominator cos, cos 2, its constant being 1.
    let mut x = [1.0, 0.0, 0.0, 0.0, 0.0];
    for _ in 0..12 {
        let mut m = [[0.0; 6]; 5];
        for &(w, t) in &grid {
            let (c1, c2) = (w.cos(), (2.0 * w).cos());
            let weight = 1.0 / (1.0 + x[3] * c1 + x[4] * c2).abs().max(1e-9);
            let row = [1.0 / t, c1 / t, c2 / t, -c1, -c2, 1.0].map(|v| v * weight);
            for i in 0..5 {
                for j in 0..6 {
                    m[i][j] += row[i] * row[j];
                }
            }
        }
        let Some(solved) = solve(m) else { break };
        x = solved;
    }
    let (b, gain_b) = minimum_phase([x[0], x[1], x[2]]);
    let (a, gain_a) = minimum_phase([1.0, x[3], x[4]]);
    let gain = (gain_b / gain_a).sqrt();
    Section { b: [gain, gain * b[0], gain * b[1]], a, state: [0.0; 2] }
}

/// Gauss with pivoting. `None` if the system has no single solution.
fn solve(mut m: [[f64; 6]; 5]) -> Option<[f64; 5]> {
    for i in 0..5 {
        let pivot = (i..5).max_by(|&p, &q| m[p][i].abs().total_cmp(&m[q][i].abs()))?;
        m.swap(i, pivot);
        if m[i][i].abs() < 1e-300 {
            return None;
        }
        let row = m[i];
        for (r, other) in m.iter_mut().enumerate() {
            if r != i {
                let factor = other[i] / row[i];
                for (to, from) in other.iter_mut().zip(row) {
                    *to -= factor * from;
                }
            }
        }
    }
    Some(std::array::from_fn(|i| m[i][5] / m[i][i]))
}

/// The polynomial 1 + c₁z⁻¹ + c₂z⁻² with its roots inside the unit circle whose power, times the
/// returned gain, is p₀ + p₁ cos ω + p₂ cos 2ω.
fn minimum_phase(p: [f64; 3]) -> ([f64; 2], f64) {
    // In x = cos ω: 2p₂x² + p₁x + (p₀ − p₂). A root x stands for the pair z + 1/z = 2x.
    let (qa, qb, qc) = (2.0 * p[2], p[1], p[0] - p[2]);
    let inside = |x: f64| x - x.signum() * (x * x - 1.0).max(0.0).sqrt();
    let c = if qa.abs() < 1e-12 * (qb.abs() + qc.abs()) {
        [-inside(-qc / qb), 0.0]
    } else {
        let disc = qb * qb - 4.0 * qa * qc;
        if disc >= 0.0 {
            let (x1, x2) = ((-qb + disc.sqrt()) / (2.0 * qa), (-qb - disc.sqrt()) / (2.0 * qa));
            let (z1, z2) = (inside(x1), inside(x2));
            [-(z1 + z2), z1 * z2]
        } else {
            let (re, im) = (-qb / (2.0 * qa), (-disc).sqrt() / (2.0 * qa));
            // √(x² − 1) for the complex x; of the two z = x ± √(x² − 1) the one inside.
            let (sr, si) = (re * re - im * im - 1.0, 2.0 * re * im);
            // Not by `hypot`: glibc 2.35 has a new one, and a program that asks for it does not start on an
            // enterprise Linux 9, which has 2.34. These numbers are near 1.
            let (r, phi) = ((sr * sr + si * si).sqrt().sqrt(), si.atan2(sr) / 2.0);
            let (qr, qi) = (r * phi.cos(), r * phi.sin());
            let sign = if (re + qr).powi(2) + (im + qi).powi(2) < 1.0 { 1.0 } else { -1.0 };
            let (zr, zi) = (re + sign * qr, im + sign * qi);
            [-2.0 * zr, zr * zr + zi * zi]
        }
    };
    // Compared at ω = 0 or at π/2, whichever carries more, so that no zero is divided by.
    let power_0 = (1.0 + c[0] + c[1]).powi(2);
    let power_half = (1.0 - c[1]).powi(2) + c[0] * c[0];
    let gain = if power_0 > power_half { (p[0] + p[1] + p[2]) / power_0 } else { (p[0] - p[2]) / power_half };
    (c, gain.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values of the curve (IEC 61672-1, annex E, to the hundredth).
    const CURVE: [(f64, f64); 9] = [
        (31.5, -39.52),
        (63.0, -26.22),
        (125.0, -16.19),
        (250.0, -8.67),
        (500.0, -3.25),
        (1000.0, 0.0),
        (2000.0, 1.20),
        (4000.0, 0.96),
        (8000.0, -1.15),
    ];

    #[test]
    fn the_curve_is_that_of_the_standard() {
        for (f, db) in CURVE.into_iter().chain([(16_000.0, -6.71)]) {
            assert!((a_curve_db(f) - db).abs() < 0.011, "{f} Hz: {}", a_curve_db(f));
        }
    }

    #[test]
    fn the_filter_follows_the_curve_at_every_rate_in_use() {
        for (rate, top, limit) in [
            (8_000.0, 3_800.0, 0.05),
            (16_000.0, 7_600.0, 0.08),
            (32_000.0, 15_500.0, 0.05),
            (44_100.0, 16_000.0, 0.04),
            (48_000.0, 16_000.0, 0.02),
            (96_000.0, 20_000.0, 0.05),
            (192_000.0, 20_000.0, 0.05),
        ] {
            let filter = AWeighting::new(rate);
            let mut worst = (0.0f64, 0.0);
            let mut f = 20.0;
            while f <= top {
                let error = (filter.gain_db(f, rate) - a_curve_db(f)).abs();
                if error > worst.0 {
                    worst = (error, f);
                }
                f *= 1.01;
            }
            println!("{rate} Hz: {:.4} dB at {:.0} Hz", worst.0, worst.1);
            assert!(worst.0 <= limit, "{rate} Hz: {:.3} dB wrong at {:.0} Hz", worst.0, worst.1);
        }
    }

    #[test]
    fn the_filter_is_stable_and_settles() {
        for rate in [8_000.0, 44_100.0, 48_000.0, 192_000.0] {
            let mut filter = AWeighting::new(rate);
            filter.step(1.0);
            let last = (0..(rate as usize)).map(|_| filter.step(0.0)).last();
            assert!(last.is_some_and(|y| y.abs() < 1e-9), "{rate}: {last:?}");
        }
    }
}
