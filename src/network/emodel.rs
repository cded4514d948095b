//! Estimated call quality by the E-model, ITU-T G.107 (narrow-band), with every default of its table 2. Pure.
//!
//! Not the simplification of Cole and Rosenbluth, whose figures differ: the two must not be mixed.

/// How a codec bears loss (ITU-T G.113, Appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Codec {
    /// Equipment impairment without loss.
    pub ie: f64,
    /// Robustness against loss.
    pub bpl: f64,
}

/// G.711 without packet loss concealment.
pub const G711: Codec = Codec { ie: 0.0, bpl: 4.3 };
/// G.711 with packet loss concealment.
pub const G711_PLC: Codec = Codec { ie: 0.0, bpl: 25.1 };

/// What a network does to a call in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// Delay from mouth to ear, in milliseconds: network, packet and jitter buffer.
    pub delay_ms: f64,
    /// Lost packets in percent, with those that came too late.
    pub loss_percent: f64,
    /// Burst ratio, at least 1.
    pub burst_ratio: f64,
}

// Default values of G.107, table 2.
const SLR: f64 = 8.0;
const RLR: f64 = 2.0;
const STMR: f64 = 15.0;
const D_SEND: f64 = 3.0;
const D_RECEIVE: f64 = 3.0;
const LSTR: f64 = STMR + D_RECEIVE;
const TELR: f64 = 65.0;
const WEPL: f64 = 110.0;
const QDU: f64 = 1.0;
const CIRCUIT_NOISE: f64 = -70.0;
const NOISE_FLOOR: f64 = -64.0;
const ROOM_SEND: f64 = 35.0;
const ROOM_RECEIVE: f64 = 35.0;
const ADVANTAGE: f64 = 0.0;

/// The transmission rating R.
pub fn rating(codec: Codec, path: Path) -> f64 {
    let noise = noise();
    let ro = 15.0 - 1.5 * (SLR + noise);
    ro - simultaneous(ro, noise, path.delay_ms)
        - delay(ro, noise, path.delay_ms)
        - effective_equipment(codec, path.loss_percent, path.burst_ratio)
        + ADVANTAGE
}

/// The mean opinion score of a rating (G.107, annex B).
pub fn mos(rating: f64) -> f64 {
    match rating {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5),
    }
}

/// Ie,eff: the codec under loss.
fn effective_equipment(codec: Codec, loss: f64, burst_ratio: f64) -> f64 {
    let loss = loss.clamp(0.0, 100.0);
    if loss == 0.0 {
        return codec.ie;
    }
    codec.ie + (95.0 - codec.ie) * loss / (loss / burst_ratio.max(1.0) + codec.bpl)
}

/// No: the power sum of circuit, room and floor noise, in dBm0p.
fn noise() -> f64 {
    let olr = SLR + RLR;
    let sent = ROOM_SEND - SLR - D_SEND - 100.0 + 0.004 * (ROOM_SEND - olr - D_SEND - 14.0).powi(2);
    let heard = ROOM_RECEIVE + 10.0 * (1.0 + 10f64.powf((10.0 - LSTR) / 10.0)).log10();
    let received = RLR - 121.0 + heard + 0.008 * (heard - 35.0).powi(2);
    let floor = NOISE_FLOOR + RLR;
    10.0 * [CIRCUIT_NOISE, sent, received, floor].map(|n| 10f64.powf(n / 10.0)).iter().sum::<f64>().log10()
}

/// Is: what comes with the speech: loudness, sidetone, quantization.
fn simultaneous(ro: f64, noise: f64, one_way: f64) -> f64 {
    let olr = SLR + RLR;
    let x = (olr + 0.2 * (64.0 + noise - RLR)) / 8.0;
    let loudness = 20.0 * ((1.0 + x.powi(8)).powf(1.0 / 8.0) - x);

    let echo = (-one_way / 4.0).exp() * 10f64.powf(-TELR / 10.0);
    let stmro = -10.0 * (10f64.powf(-STMR / 10.0) + echo).log10();
    let root = |value: f64, n: i32| (1.0 + value.powi(n)).powf(1.0 / f64::from(n));
    let sidetone = 12.0 * root((stmro - 13.0) / 6.0, 8)
        - 28.0 * root((stmro + 1.0) / 19.4, 35)
        - 13.0 * root((stmro - 3.0) / 33.0, 13)
        + 29.0;

    let q = 37.0 - 15.0 * QDU.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
    let z = 46.0 / 30.0 - g / 40.0;
    let quantization = 15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10();
    loudness + sidetone + quantization
}

/// Id: what comes with delay: the talker's echo, the listener's, and the delay itself.
fn delay(ro: f64, noise: f64, one_way: f64) -> f64 {
    let round_trip = 2.0 * one_way;
    let terv = TELR - 40.0 * ((1.0 + one_way / 10.0) / (1.0 + one_way / 150.0)).log10()
        + 6.0 * (-0.3 * one_way * one_way).exp();
    let re = 80.0 + 2.5 * (terv - 14.0);
    let half = (-1.5 * (noise - RLR) - re) / 2.0;
    let talker = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-one_way).exp());

    let rle = 10.5 * (WEPL + 7.0) * (round_trip + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    let listener = half + (half * half + 169.0).sqrt();
    talker + listener + pure_delay(one_way)
}

/// Idd: a conversation through delay, even without any echo.
fn pure_delay(one_way: f64) -> f64 {
    if one_way <= 100.0 {
        return 0.0;
    }
    let x = (one_way / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLEAN: Path = Path { delay_ms: 0.0, loss_percent: 0.0, burst_ratio: 1.0 };

    fn close(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    #[test]
    fn all_defaults_give_the_published_rating() {
        let noise = noise();
        let ro = 15.0 - 1.5 * (SLR + noise);
        close(ro, 94.7688, 1e-4);
        close(simultaneous(ro, noise, 0.0), 1.4136, 1e-4);
        close(rating(G711, CLEAN), 93.2062, 1e-4);
        close(mos(rating(G711, CLEAN)), 4.4094, 1e-4);
    }

    #[test]
    fn mos_at_the_published_ratings() {
        for (r, expected) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            close(mos(r), expected, 0.01);
        }
        assert_eq!((mos(-5.0), mos(0.0), mos(100.0), mos(130.0)), (1.0, 1.0, 4.5, 4.5));
        assert!(mos(3.0) >= 1.0, "the polynomial dips below 1 near 0");
    }

    #[test]
    fn pure_delay_at_the_reference_values() {
        for (ms, expected) in
            [(100.0, 0.0), (150.0, 0.164), (200.0, 3.044), (250.0, 8.917), (300.0, 14.761), (400.0, 24.070)]
        {
            close(pure_delay(ms), expected, 1e-3);
        }
    }

    #[test]
    fn loss_as_the_codec_bears_it() {
        // Ie,eff = 95·Ppl/(Ppl/BurstR + Bpl), by hand.
        close(effective_equipment(G711_PLC, 2.0, 1.0), 190.0 / 27.1, 1e-9);
        close(effective_equipment(G711, 2.0, 1.0), 190.0 / 6.3, 1e-9);
        close(effective_equipment(G711_PLC, 5.0, 2.0), 475.0 / 27.6, 1e-9);
        assert_eq!(effective_equipment(Codec { ie: 11.0, bpl: 19.0 }, 0.0, 1.0), 11.0);
        assert!(rating(G711_PLC, Path { loss_percent: 100.0, ..CLEAN }) < 20.0);
    }

    proptest! {
        #[test]
        fn worse_is_never_better(delay in 0.0..2_000.0f64, loss in 0.0..100.0f64, burst in 1.0..20.0f64, more in 0.0..50.0f64) {
            let path = Path { delay_ms: delay, loss_percent: loss, burst_ratio: burst };
            let at = |path| mos(rating(G711_PLC, path));
            prop_assert!((1.0..=4.5).contains(&at(path)));
            let (lossier, burstier) = (Path { loss_percent: loss + more, ..path }, Path { burst_ratio: burst + more, ..path });
            prop_assert!(at(lossier) <= at(path) + 1e-9);
            prop_assert!(at(burstier) <= at(path) + 1e-9);
        }
    }
}
