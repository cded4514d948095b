//! What crosses the pipe between the daemon and its child.
//!
//! Closed structs of numbers, flags and hex: nothing here could carry sound or a name. The child
//! is not trusted more than a stranger: its answer is bounded and refused if it is not of this
//! form.

use super::{AudioError, Inventory};
use serde::{Deserialize, Serialize};
use telemetry::{Dbfs, Digest, Hash, Hertz, Millis, Noise, Percent};

/// The longest request and answer, in bytes. 64 devices of 300 bytes each fit.
pub const MAX_BYTES: usize = 32 * 1024;

/// What the daemon asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The devices, and who uses the microphone.
    Inventory {
        /// Process ids of our own children: their streams never count as another program's.
        ours: Vec<u32>,
    },
    /// Level and health of a microphone.
    Listen {
        /// Which one; the default if absent.
        device: Option<Digest>,
        /// How long.
        seconds: u32,
        /// As above.
        ours: Vec<u32>,
    },
    /// Try to break out, and say what happened.
    SelfTest,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To `Inventory`.
    Inventory(Inventory),
    /// To `Listen`.
    Noise(NoiseNumbers),
    /// To `SelfTest`.
    SelfTest(SelfTest),
    /// To any.
    Error(AudioError),
}

/// How far the child is shut in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutIn {
    /// Landlock's version in force; absent on a kernel without it, and on other systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landlock: Option<u32>,
    /// Whether system calls are filtered.
    pub seccomp: bool,
    /// Whether the rules of macOS' Seatbelt hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seatbelt: bool,
}

/// What a child measured. Nothing else of the sound leaves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseNumbers {
    /// SHA-256 of the system's id of the device.
    pub device: Digest,
    /// Rate of the samples.
    pub rate: Hertz,
    /// How much was measured.
    pub duration: Millis,
    /// See `telemetry::Noise` for this and what follows.
    pub laeq: Dbfs,
    /// Exceeded in 10 % of the time.
    pub l10: Dbfs,
    /// Exceeded in 90 % of the time.
    pub l90: Dbfs,
    /// Exceeded in 95 % of 20 ms blocks.
    pub l95: Dbfs,
    /// Share of exact zeros.
    pub zeros: Percent,
    /// Share at full scale.
    pub clipped: Percent,
    /// Constant offset.
    pub dc: Percent,
    /// Gaps.
    pub dropouts: u32,
    /// What the child itself cost: processor time in all its threads, from its start.
    pub cpu: Millis,
    /// How long it lived.
    pub lived: Millis,
    /// How far it was shut in.
    pub shut_in: ShutIn,
}

impl NoiseNumbers {
    /// The reading, with the device's id hashed under the desk's key.
    pub fn reading(&self, hash: impl Fn(&str) -> Hash) -> Noise {
        Noise {
            device: Some(hash(self.device.as_str())),
            duration: self.duration,
            rate: self.rate,
            laeq: self.laeq,
            l10: self.l10,
            l90: self.l90,
            l95: self.l95,
            zeros: self.zeros,
            clipped: self.clipped,
            dc: self.dc,
            dropouts: self.dropouts.min(10_000),
        }
    }
}

/// What the child could not do: each is true if the attempt was refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Reading a file that is nobody's secret.
    pub read: bool,
    /// Opening a device for writing.
    pub write: bool,
    /// Making a new file.
    pub create: bool,
    /// Listing a folder.
    pub list: bool,
    /// An IPv4 socket.
    pub inet: bool,
    /// An IPv6 socket.
    pub inet6: bool,
    /// A netlink socket.
    pub netlink: bool,
    /// A new local socket.
    pub unix: bool,
    /// Running a program.
    pub exec: bool,
    /// A second process.
    pub fork: bool,
    /// Looking into another process.
    pub ptrace: bool,
    /// io_uring, which goes round system call filters.
    pub io_uring: bool,
    /// A signal to another process.
    pub kill: bool,
}

/// What came of trying to break out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// How far the child is shut in.
    pub shut_in: ShutIn,
    /// From the start, while it connects to the sound server.
    pub at_start: Refused,
    /// From before the first sample.
    pub recording: Refused,
    /// The same from a thread that was there before.
    pub other_thread: Refused,
    /// Whether its memory could be dumped or read by another process of the same user.
    pub dumpable: bool,
    /// Whether a core file could be written.
    pub core: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: &str = r#"{"noise":{"device":"0000000000000000000000000000000000000000000000000000000000000000","rate":48000,"duration":3000,"laeq":-50,"l10":-48,"l90":-55,"l95":-60,"zeros":0,"clipped":0,"dc":0,"dropouts":0,"cpu":20,"lived":3500,"shut_in":{"landlock":6,"seccomp":true}}}"#;

    #[test]
    fn what_a_child_says_is_closed() {
        let answer: Answer = serde_json::from_str(NUMBERS).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), NUMBERS);
        for (from, to) in [
            ("\"dc\":0", "\"dc\":0,\"said\":\"hello\""),
            ("\"laeq\":-50", "\"laeq\":\"-50\""),
            ("\"laeq\":-50", "\"laeq\":[1,2,3]"),
            ("\"zeros\":0", "\"zeros\":101"),
            ("0000\",\"rate\"", "anna\",\"rate\""),
            ("\"seccomp\":true", "\"seccomp\":true,\"note\":\"x\""),
            ("{\"noise\"", "{\"words\""),
        ] {
            let hostile = NUMBERS.replacen(from, to, 1);
            assert_ne!(hostile, NUMBERS, "{from}");
            assert!(serde_json::from_str::<Answer>(&hostile).is_err(), "{to}");
        }
    }

    #[test]
    fn the_device_is_hashed_on_its_way_out() {
        let Ok(Answer::Noise(numbers)) = serde_json::from_str(NUMBERS) else { panic!() };
        let noise = numbers.reading(|s| {
            assert_eq!(s.len(), 64);
            Hash::from_bytes([7; 16])
        });
        assert_eq!(noise.device, Some(Hash::from_bytes([7; 16])));
        assert_eq!(noise.laeq.get(), -50.0);
    }
}
