//! Numbers and lists with limits.
//!
//! A number here is finite, within its range and rounded to what its measurement can mean, so
//! that a report is small and a reader can rely on it. Making one clamps; reading one from the
//! wire refuses what is out of range.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number outside its type's range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{value} is not a valid {what}: expected {min} to {max}")]
pub struct OutOfRange {
    /// The type.
    pub what: &'static str,
    /// What was given.
    pub value: f64,
    /// Least allowed.
    pub min: f64,
    /// Most allowed.
    pub max: f64,
}

macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal, $max:literal, $decimals:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(f64);

        impl $name {
            /// Least value.
            pub const MIN: f64 = $min;
            /// Greatest value.
            pub const MAX: f64 = $max;

            /// Makes one: rounded, and clamped into the range. Not a number becomes the least value
            /// nearest to zero; callers check for that before, since it means that nothing was measured.
            pub fn new(value: f64) -> Self {
                let scale = 10f64.powi($decimals);
                let value = if value.is_nan() { 0.0 } else { value };
                Self((value.clamp($min, $max) * scale).round() / scale)
            }

            /// The number.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;
            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                if ($min..=$max).contains(&value) {
                    Ok(Self::new(value))
                } else {
                    Err(OutOfRange { what: $what, value, min: $min, max: $max })
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                compact(&self.0, s)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::try_from(f64::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "number", "minimum": $min, "maximum": $max })
            }
        }
    };
}

bounded_number! {
    /// Milliseconds, to the microsecond; at most an hour. May be negative for offsets and errors.
    Millis, "time in milliseconds", -3_600_000.0, 3_600_000.0, 3
}
bounded_number! {
    /// Seconds, to the tenth; at most ten years.
    Seconds, "time in seconds", 0.0, 315_360_000.0, 1
}
bounded_number! {
    /// A share in percent, to the thousandth.
    Percent, "percentage", 0.0, 100.0, 3
}
bounded_number! {
    /// A plain ratio, such as the burst ratio, to the thousandth.
    Ratio, "ratio", 0.0, 100_000.0, 3
}
bounded_number! {
    /// A difference or a signal level in decibels (dB, or dBm where the field says so), to the hundredth.
    Db, "level in dB", -250.0, 250.0, 2
}
bounded_number! {
    /// A level relative to digital full scale, to the hundredth. A-weighted where the field says so.
    Dbfs, "level in dBFS", -250.0, 20.0, 2
}
bounded_number! {
    /// Mean opinion score by ITU-T G.107, to the hundredth.
    Mos, "MOS", 1.0, 4.5, 2
}
bounded_number! {
    /// Hertz.
    Hertz, "rate in Hz", 0.0, 10_000_000.0, 0
}
bounded_number! {
    /// Megabytes (10^6 bytes).
    Megabytes, "size in MB", 0.0, 1e12, 0
}
bounded_number! {
    /// Megabits a second, to the tenth.
    BitRate, "rate in Mbit/s", 0.0, 1e7, 1
}
bounded_number! {
    /// Kilobits a second.
    Kilobits, "rate in kbit/s", 0.0, 1e8, 0
}
bounded_number! {
    /// A count of things.
    Count, "count", 0.0, 9e15, 0
}

/// Whole numbers travel without ".0": a report is paid for by the byte.
pub(crate) fn compact<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 { s.serialize_i64(*value as i64) } else { s.serialize_f64(*value) }
}

/// Reads a whole number within limits: what the schema says in words, the reader holds to.
pub(crate) fn within<'de, D, T, const MIN: i64, const MAX: i64>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Copy + TryInto<i64>,
{
    let value = T::deserialize(d)?;
    match value.try_into() {
        Ok(n) if (MIN..=MAX).contains(&n) => Ok(value),
        _ => Err(serde::de::Error::custom(format_args!("a whole number that is not {MIN} to {MAX}"))),
    }
}

/// The same for a number that may be absent.
pub(crate) fn within_if_some<'de, D, T, const MIN: i64, const MAX: i64>(d: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Copy + TryInto<i64>,
{
    struct Within<T, const MIN: i64, const MAX: i64>(T);
    impl<'de, T: Deserialize<'de> + Copy + TryInto<i64>, const MIN: i64, const MAX: i64> Deserialize<'de>
        for Within<T, MIN, MAX>
    {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            within::<D, T, MIN, MAX>(d).map(Self)
        }
    }
    Ok(Option::<Within<T, MIN, MAX>>::deserialize(d)?.map(|w| w.0))
}

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct UnixMs(i64);

impl UnixMs {
    /// 2000-01-01, before which no desk has measured anything.
    pub const MIN: i64 = 946_684_800_000;
    /// 2200-01-01.
    pub const MAX: i64 = 7_258_118_400_000;

    /// Makes one, clamped: a desk whose clock says 1970 must still be able to report.
    pub fn new(ms: i64) -> Self {
        Self(ms.clamp(Self::MIN, Self::MAX))
    }

    /// Milliseconds since 1970.
    pub fn get(self) -> i64 {
        self.0
    }

    /// This moment moved by so many milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self::new(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let ms = i64::deserialize(d)?;
        if (Self::MIN..=Self::MAX).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(serde::de::Error::custom("time is not between the years 2000 and 2200"))
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for UnixMs {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UnixMs".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX })
    }
}

/// A list of at most `MAX` things. Collecting keeps the first `MAX`; reading from the wire
/// refuses a longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one, unless the list is full; says whether it was added.
    pub fn push(&mut self, item: T) -> bool {
        let room = self.0.len() < MAX;
        if room {
            self.0.push(item);
        }
        room
    }

    /// The things themselves.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const MAX: usize> std::ops::Deref for List<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> FromIterator<T> for List<T, MAX> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().take(MAX).collect())
    }
}

impl<T, const MAX: usize> From<Vec<T>> for List<T, MAX> {
    fn from(mut items: Vec<T>) -> Self {
        items.truncate(MAX);
        Self(items)
    }
}

impl<T, const MAX: usize> IntoIterator for List<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> serde::de::Visitor<'de> for Items<T, MAX> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a list of at most {MAX}")
            }
            // Stops at the limit instead of reading a hostile list to its end.
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == MAX {
                        return Err(serde::de::Error::custom(format_args!("a list of more than {MAX}")));
                    }
                    items.push(item);
                }
                Ok(items)
            }
        }
        d.deserialize_seq(Items::<T, MAX>(std::marker::PhantomData)).map(Self)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema, const MAX: usize> schemars::JsonSchema for List<T, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("List{MAX}Of{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": items, "maxItems": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_clamped_and_refused() {
        assert_eq!(Millis::new(1.23456).get(), 1.235);
        assert_eq!(Percent::new(180.0).get(), 100.0);
        assert_eq!(Millis::new(f64::NAN).get(), 0.0);
        assert!(Percent::try_from(100.001).is_err());
        assert!(Mos::try_from(f64::NAN).is_err());
        assert!(serde_json::from_str::<Percent>("1e400").is_err());
        assert!(serde_json::from_str::<Percent>("\"5\"").is_err());
        assert_eq!(serde_json::to_string(&Percent::new(5.0)).unwrap(), "5");
    }

    #[test]
    fn a_long_list_is_refused_at_its_limit() {
        assert!(serde_json::from_str::<List<u8, 2>>("[1,2]").is_ok());
        let error = serde_json::from_str::<List<u8, 2>>("[1,2,3]").unwrap_err();
        assert!(error.to_string().starts_with("a list of more than 2"), "{error}");
    }

    #[test]
    fn a_clock_in_1970_still_reports() {
        assert_eq!(UnixMs::new(0).get(), UnixMs::MIN);
        assert!(serde_json::from_str::<UnixMs>("0").is_err());
    }
}
