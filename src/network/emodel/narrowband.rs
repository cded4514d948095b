//! The narrow-band E-model in full: ITU-T G.107 (06/2015), with every input as a parameter.
//!
//! The names in the comments are the Recommendation's.

use super::{Codec, Path, through_delay, under_loss};

/// What the model takes; the defaults are those of G.107, table 2 (table 3 in later editions).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// SLR: loudness of sending, in dB.
    pub sending_loudness: f64,
    /// RLR: loudness of receiving, in dB.
    pub receiving_loudness: f64,
    /// STMR: how much one hears oneself, in dB.
    pub sidetone: f64,
    /// LSTR: how much one hears one's own room, in dB. By default STMR + Dr.
    pub listener_sidetone: f64,
    /// Ds: the D-value of the telephone that sends.
    pub d_sending: f64,
    /// Dr: that of the one that receives.
    pub d_receiving: f64,
    /// TELR: loudness of the talker's echo, in dB.
    pub talker_echo: f64,
    /// WEPL: what is lost on the way of the listener's echo, in dB.
    pub listener_echo_loss: f64,
    /// T: mean one-way delay of the echo, in ms.
    pub echo_one_way: f64,
    /// Tr: round-trip delay of the four-wire loop, in ms.
    pub round_trip: f64,
    /// Ta: absolute delay from mouth to ear, in ms.
    pub absolute_delay: f64,
    /// sT: how much the conversation minds delay; 1 is the default class.
    pub delay_sensitivity: f64,
    /// mT: the delay that nobody perceives, in ms.
    pub least_delay: f64,
    /// qdu: quantizing distortion units.
    pub quantizing: f64,
    /// Nc: circuit noise, in dBm0p.
    pub circuit_noise: f64,
    /// Nfor: noise floor at the receiver, in dBmp.
    pub noise_floor: f64,
    /// Ps: room noise where one talks, in dB(A).
    pub room_sending: f64,
    /// Pr: room noise where one listens, in dB(A).
    pub room_receiving: f64,
    /// A: what people put up with for an advantage, such as being mobile.
    pub advantage: f64,
    /// Ppl in percent.
    pub loss_percent: f64,
    /// BurstR, at least 1.
    pub burst_ratio: f64,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            sending_loudness: 8.0,
            receiving_loudness: 2.0,
            sidetone: 15.0,
            listener_sidetone: 18.0,
            d_sending: 3.0,
            d_receiving: 3.0,
            talker_echo: 65.0,
            listener_echo_loss: 110.0,
            echo_one_way: 0.0,
            round_trip: 0.0,
            absolute_delay: 0.0,
            delay_sensitivity: 1.0,
            least_delay: 100.0,
            quantizing: 1.0,
            circuit_noise: -70.0,
            noise_floor: -64.0,
            room_sending: 35.0,
            room_receiving: 35.0,
            advantage: 0.0,
            loss_percent: 0.0,
            burst_ratio: 1.0,
        }
    }
}

/// A rating with its parts: `r = ro - is - (idte + idle + idd) - ie_eff + a`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// Ro: signal to noise.
    pub ro: f64,
    /// Is: what comes with the speech: loudness, sidetone, quantization.
    pub is: f64,
    /// Idte: the talker's echo.
    pub idte: f64,
    /// Idle: the listener's echo.
    pub idle: f64,
    /// Idd: the delay itself.
    pub idd: f64,
    /// Ie,eff: the codec under loss.
    pub ie_eff: f64,
    /// R.
    pub r: f64,
}

impl Inputs {
    /// A path with every default. The echo takes the same way: T is the delay of the path and Tr twice it.
    pub fn of(path: Path) -> Self {
        Self {
            echo_one_way: path.delay_ms,
            round_trip: 2.0 * path.delay_ms,
            absolute_delay: path.delay_ms,
            loss_percent: path.loss_percent,
            burst_ratio: path.burst_ratio,
            ..Self::default()
        }
    }

    /// The rating.
    pub fn rating(&self, codec: Codec) -> Rating {
        let noise = self.noise();
        let ro = 15.0 - 1.5 * (self.sending_loudness + noise);
        let sidetone = self.sidetone_impairment();
        let is = self.loudness(noise) + sidetone + self.quantization(ro);
        let idte = self.talker(noise, sidetone);
        let idle = self.listener(ro);
        let idd = through_delay(self.absolute_delay, self.delay_sensitivity, self.least_delay);
        let path = Path {
            delay_ms: self.absolute_delay,
            loss_percent: self.loss_percent,
            burst_ratio: self.burst_ratio,
        };
        let ie_eff = under_loss(codec, &path, 95.0);
        let r = ro - is - (idte + idle + idd) - ie_eff + self.advantage;
        Rating { ro, is, idte, idle, idd, ie_eff, r }
    }

    /// OLR.
    fn overall_loudness(&self) -> f64 {
        self.sending_loudness + self.receiving_loudness
    }

    /// No: the power sum of circuit, room and floor noise, in dBm0p.
    fn noise(&self) -> f64 {
        let olr = self.overall_loudness();
        let sent = self.room_sending - self.sending_loudness - self.d_sending - 100.0
            + 0.004 * (self.room_sending - olr - self.d_sending - 14.0).powi(2);
        let heard =
            self.room_receiving + 10.0 * (1.0 + 10f64.powf((10.0 - self.listener_sidetone) / 10.0)).log10();
        let received = self.receiving_loudness - 121.0 + heard + 0.008 * (heard - 35.0).powi(2);
        let floor = self.noise_floor + self.receiving_loudness;
        let power = |n: f64| 10f64.powf(n / 10.0);
        10.0 * [self.circuit_noise, sent, received, floor].map(power).iter().sum::<f64>().log10()
    }

    /// Iolr: a connection that is too loud.
    fn loudness(&self, noise: f64) -> f64 {
        let x = (self.overall_loudness() + 0.2 * (64.0 + noise - self.receiving_loudness)) / 8.0;
        20.0 * ((1.0 + x.powi(8)).powf(1.0 / 8.0) - x)
    }

    /// Ist: a sidetone that is too loud or too faint.
    fn sidetone_impairment(&self) -> f64 {
        let echo = (-self.echo_one_way / 4.0).exp() * 10f64.powf(-self.talker_echo / 10.0);
        let stmro = -10.0 * (10f64.powf(-self.sidetone / 10.0) + echo).log10();
        let root = |value: f64, n: i32| (1.0 + value.powi(n)).powf(1.0 / f64::from(n));
        12.0 * root((stmro - 13.0) / 6.0, 8)
            - 28.0 * root((stmro + 1.0) / 19.4, 35)
            - 13.0 * root((stmro - 3.0) / 33.0, 13)
            + 29.0
    }

    /// Iq: quantization.
    fn quantization(&self, ro: f64) -> f64 {
        let q = 37.0 - 15.0 * self.quantizing.log10();
        let g = 1.07 + 0.258 * q + 0.0602 * q * q;
        let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
        let z = 46.0 / 30.0 - g / 40.0;
        15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10()
    }

    /// Idte. A faint sidetone makes the echo plainer, a loud one hides it (for STMR outside of 9 to 20 dB).
    fn talker(&self, noise: f64, sidetone: f64) -> f64 {
        let t = self.echo_one_way;
        // Sooner than that an echo is part of the sidetone.
        if t < 1.0 {
            return 0.0;
        }
        let mut terv = self.talker_echo - 40.0 * ((1.0 + t / 10.0) / (1.0 + t / 150.0)).log10()
            + 6.0 * (-0.3 * t * t).exp();
        if self.sidetone < 9.0 {
            terv += sidetone / 2.0;
        }
        let re = 80.0 + 2.5 * (terv - 14.0);
        let roe = -1.5 * (noise - self.receiving_loudness);
        let half = (roe - re) / 2.0;
        let idte = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-t).exp());
        if self.sidetone > 20.0 { idte.hypot(sidetone) } else { idte }
    }

    /// Idle.
    fn listener(&self, ro: f64) -> f64 {
        let rle = 10.5 * (self.listener_echo_loss + 7.0) * (self.round_trip + 1.0).powf(-0.25);
        let half = (ro - rle) / 2.0;
        half + (half * half + 169.0).sqrt()
    }
}
