//! What a direction of a link does to packets, and how that is written.

use std::time::Duration;

/// Which packets are lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability.
    Random(f64),
    /// Every so many-th, exactly.
    Every(u64),
    /// In bursts, after Gilbert and Elliott: from good to bad with `p`, back with `r`, and what is lost in each.
    Bursts {
        /// Good to bad.
        p: f64,
        /// Bad to good.
        r: f64,
        /// Lost while bad.
        bad: f64,
        /// Lost while good.
        good: f64,
    },
}

/// How the delay varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// Evenly, by at most the jitter either way.
    #[default]
    Uniform,
    /// Normally, with the jitter as standard deviation.
    Normal,
    /// Exponentially, with the jitter as mean; only longer.
    Exponential,
    /// Every other packet is longer by the jitter.
    Alternating,
}

/// What a direction of a link does to packets.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Added to every packet.
    pub delay: Duration,
    /// How much that varies.
    pub jitter: Duration,
    /// How it varies.
    pub spread: Spread,
    /// What is lost.
    pub loss: Loss,
    /// Bits a second; 0 is without limit.
    pub rate: u64,
    /// How long the queue before that rate may become.
    pub queue: Duration,
    /// Packets may overtake each other when the delay varies.
    pub reorder: bool,
    /// Probability that a packet comes twice.
    pub duplicate: f64,
    /// Nothing passes.
    pub outage: bool,
    /// The marking is taken off.
    pub clear_dscp: bool,
    /// Of the pattern.
    pub seed: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            spread: Spread::default(),
            loss: Loss::default(),
            rate: 0,
            queue: Duration::from_millis(100),
            reorder: false,
            duplicate: 0.0,
            outage: false,
            clear_dscp: false,
            seed: 1,
        }
    }
}

impl Shape {
    /// This shape, changed by settings such as `delay=20ms jitter=5ms dist=normal loss=ge:1%:25% seed=7`.
    pub fn with(&self, settings: &str) -> Result<Self, String> {
        settings.split_whitespace().try_fold(self.clone(), |shape, setting| shape.with_one(setting))
    }

    fn with_one(mut self, setting: &str) -> Result<Self, String> {
        let (key, value) = setting.split_once('=').unwrap_or((setting, "1"));
        match key {
            "delay" => self.delay = time(value)?,
            "jitter" => self.jitter = time(value)?,
            "dist" => self.spread = spread(value)?,
            "loss" => self.loss = loss(value)?,
            "rate" => self.rate = rate(value)?,
            "queue" => self.queue = time(value)?,
            "reorder" => self.reorder = flag(value)?,
            "dup" => self.duplicate = probability(value)?,
            "outage" => self.outage = flag(value)?,
            "dscp_clear" => self.clear_dscp = flag(value)?,
            "seed" => self.seed = value.parse().map_err(|_| format!("'{value}' is not a seed"))?,
            "clear" => self = Self { seed: self.seed, ..Self::default() },
            _ => return Err(format!("unknown setting '{key}'")),
        }
        Ok(self)
    }
}

fn spread(value: &str) -> Result<Spread, String> {
    match value {
        "uniform" => Ok(Spread::Uniform),
        "normal" => Ok(Spread::Normal),
        "exp" => Ok(Spread::Exponential),
        "alt" => Ok(Spread::Alternating),
        _ => Err(format!("'{value}' is not uniform, normal, exp or alt")),
    }
}

fn loss(value: &str) -> Result<Loss, String> {
    if value == "0" || value == "none" {
        return Ok(Loss::None);
    }
    if let Some(n) = value.strip_prefix("every:") {
        return match n.parse() {
            Ok(n) if n > 0 => Ok(Loss::Every(n)),
            _ => Err(format!("'{n}' is not a number of packets")),
        };
    }
    let Some(bursts) = value.strip_prefix("ge:") else { return probability(value).map(Loss::Random) };
    let parts: Vec<f64> = bursts.split(':').map(probability).collect::<Result<_, _>>()?;
    match parts[..] {
        [p, r] => Ok(Loss::Bursts { p, r, bad: 1.0, good: 0.0 }),
        [p, r, bad] => Ok(Loss::Bursts { p, r, bad, good: 0.0 }),
        [p, r, bad, good] => Ok(Loss::Bursts { p, r, bad, good }),
        _ => Err(format!("'{value}' is not ge:P:R[:BAD[:GOOD]]")),
    }
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "1" | "on" | "yes" | "true" => Ok(true),
        "0" | "off" | "no" | "false" => Ok(false),
        _ => Err(format!("'{value}' is neither on nor off")),
    }
}

fn time(value: &str) -> Result<Duration, String> {
    // "ms" is looked for before "s": it ends with it.
    let units = [("us", 1e-6), ("ms", 1e-3), ("ns", 1e-9), ("s", 1.0)];
    let unit = units.into_iter().find_map(|(unit, seconds)| Some((value.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((value, 1e-3));
    let parsed = number.parse::<f64>().ok().and_then(|n| Duration::try_from_secs_f64(n * seconds).ok());
    parsed.ok_or_else(|| format!("'{value}' is not a time such as 20ms"))
}

fn probability(value: &str) -> Result<f64, String> {
    let (number, of) = value.strip_suffix('%').map_or((value, 1.0), |percent| (percent, 100.0));
    match number.parse::<f64>() {
        Ok(n) if (0.0..=of).contains(&n) => Ok(n / of),
        _ => Err(format!("'{value}' is not a probability such as 2% or 0.02")),
    }
}

fn rate(value: &str) -> Result<u64, String> {
    let units = [("mbit", 1e6), ("kbit", 1e3)];
    let unit = units.into_iter().find_map(|(unit, bits)| Some((value.strip_suffix(unit)?, bits)));
    let (number, bits) = unit.unwrap_or((value, 1.0));
    match number.parse::<f64>() {
        Ok(n) if n >= 0.0 && n * bits < 1e12 => Ok((n * bits) as u64),
        _ => Err(format!("'{value}' is not a rate such as 2mbit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_read_as_it_is_written() {
        let shape = Shape::default()
            .with("delay=20ms jitter=1.5ms dist=exp loss=ge:1%:25% rate=2mbit queue=50ms dup=1% reorder outage=0 seed=7")
            .unwrap();
        assert_eq!((shape.delay, shape.jitter), (Duration::from_millis(20), Duration::from_micros(1500)));
        assert_eq!(shape.loss, Loss::Bursts { p: 0.01, r: 0.25, bad: 1.0, good: 0.0 });
        assert_eq!((shape.rate, shape.duplicate, shape.reorder, shape.seed), (2_000_000, 0.01, true, 7));
        assert_eq!(shape.with("loss=every:50").unwrap().loss, Loss::Every(50));
        assert_eq!(shape.with("loss=5%").unwrap().loss, Loss::Random(0.05));
        assert_eq!(shape.with("clear").unwrap(), Shape { seed: 7, ..Shape::default() });
    }

    #[test]
    fn mistakes_are_told() {
        for (wrong, message) in [
            ("dealy=1ms", "unknown setting 'dealy'"),
            ("delay=soon", "'soon' is not a time such as 20ms"),
            ("delay=-1ms", "'-1ms' is not a time such as 20ms"),
            ("loss=101%", "'101%' is not a probability such as 2% or 0.02"),
            ("loss=every:0", "'0' is not a number of packets"),
            ("loss=ge:1%", "'ge:1%' is not ge:P:R[:BAD[:GOOD]]"),
            ("rate=fast", "'fast' is not a rate such as 2mbit"),
            ("outage=maybe", "'maybe' is neither on nor off"),
        ] {
            assert_eq!(Shape::default().with(wrong).unwrap_err(), message);
        }
    }
}
