//! Why a policy is refused, in the words that its author reads: each names the key, what it has, what it may
//! have and the way out.

use telemetry::ProbeId;

/// Why a policy was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML of this form.
    #[error("{0}")]
    Syntax(String),
    /// The profile that a policy names cannot be taken.
    #[error("profile: {0}")]
    Profile(String),
    /// A number is out of range.
    #[error("{key} = {value}: must be {min} to {max}{hint}")]
    Range {
        /// Where.
        key: String,
        /// What it has.
        value: String,
        /// Least.
        min: String,
        /// Most.
        max: String,
        /// The way out, if the bounds do not say it.
        hint: &'static str,
    },
    /// A list is too long.
    #[error("{key} has {count} entries: at most {max} are allowed; remove {}", count - max)]
    TooMany {
        /// Where.
        key: &'static str,
        /// How many.
        count: usize,
        /// Most.
        max: usize,
    },
    /// A value stands twice.
    #[error("{key} has '{value}' twice: each must be its own; rename or remove one")]
    Twice {
        /// Where.
        key: &'static str,
        /// Which.
        value: String,
    },
    /// A value is not of the form it must have.
    #[error("{key} = \"{value}\": {problem}")]
    Form {
        /// Where.
        key: String,
        /// What it has.
        value: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A TURN server without any port.
    #[error("{key} has no port: give udp, tcp or tls, one for each way that calls may take")]
    NoPort {
        /// Where.
        key: String,
    },
    /// A required probe has nothing to measure against.
    #[error(
        "required names '{probe}', but the policy gives it no target, so that every desk would be \
         unknown: add a [[targets.{targets}]] or remove '{probe}' from required"
    )]
    NothingToMeasure {
        /// The probe.
        probe: ProbeId,
        /// Where its targets would stand.
        targets: &'static str,
    },
    /// A verdict runs out before the next measurement.
    #[error(
        "schedule.valid_minutes = {valid_minutes}: runs out before the next measurement ({interval} = {seconds}); \
         raise it to at least {}, or lower {interval}", seconds.div_ceil(60)
    )]
    RunsOut {
        /// How long a verdict holds.
        valid_minutes: u32,
        /// Which interval is longer.
        interval: &'static str,
        /// That interval.
        seconds: u32,
    },
    /// Two limits are the wrong way round.
    #[error(
        "limits.{name}: good = {good} and bad = {bad} are the wrong way round: {worse} is worse here, so \
         good must be {relation} bad (a limit that is not set has its default)"
    )]
    Order {
        /// Which metric.
        name: &'static str,
        /// Good.
        good: f64,
        /// Bad.
        bad: f64,
        /// Which direction is worse.
        worse: &'static str,
        /// How they must stand.
        relation: &'static str,
    },
    /// No such metric.
    #[error("limits.{name}: no such limit; there are {known}")]
    NoSuchLimit {
        /// What was named.
        name: String,
        /// What there is.
        known: String,
    },
    /// A limit without a number.
    #[error("limits.{name} sets nothing: give good, bad or both, or remove it")]
    Empty {
        /// Which.
        name: String,
    },
}
