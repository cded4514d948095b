//! How codecs bear loss: the equipment impairment factors of ITU-T G.113.
//!
//! Owns the tables and the mapping from what a reading says. A value that no table publishes is not here; Opus
//! is in none of them, so that whatever is said of it is marked as our own estimate.
//!
//! The values of G.113 are "provisional planning values" in the Recommendation's own words. Where a value was not
//! read in the Recommendation but in somebody's work that names its table, that is said.

/// A codec as the E-model knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Codec {
    /// Equipment impairment without loss: Ie.
    pub ie: f64,
    /// Robustness against loss: Bpl.
    pub bpl: f64,
}

const fn codec(ie: f64, bpl: f64) -> Codec {
    Codec { ie, bpl }
}

// Narrow-band: G.113, appendix I, the table of Ie with Bpl for random loss.
/// G.711 without packet loss concealment.
pub const G711: Codec = codec(0.0, 4.3);
/// G.711 with packet loss concealment (G.711, appendix I).
pub const G711_PLC: Codec = codec(0.0, 25.1);
/// G.729A with voice activity detection, 8 kbit/s.
pub const G729A_VAD: Codec = codec(11.0, 19.0);
/// G.723.1 with voice activity detection, 6.3 kbit/s.
pub const G723_1_VAD: Codec = codec(15.0, 16.1);
/// GSM-EFR, 12.2 kbit/s.
pub const GSM_EFR: Codec = codec(5.0, 10.0);

/// Opus on the narrow-band scale. Our own estimate: no Recommendation has values for it. As a clean channel for
/// telephone speech and not worse at hiding loss than G.711's concealment, it is taken to be as good as that.
pub const OPUS_ESTIMATE: Codec = G711_PLC;

// Wideband: G.113 (09/2024), tables IV.3 and IV.4, both ears, random loss: the only modes that have a Bpl. Read in
// the documentation of sipnab, which names the tables.
/// AMR-WB (G.722.2) at 23.85 kbit/s.
pub const AMR_WB_23_85: Codec = codec(10.0, 4.9);
/// AMR-WB (G.722.2) at 23.05 kbit/s.
pub const AMR_WB_23_05: Codec = codec(8.0, 4.6);
/// AMR-WB (G.722.2) at 12.65 kbit/s.
pub const AMR_WB_12_65: Codec = codec(20.0, 4.3);
// G.722 is left out: two sources give different values (13 and 14 at 64 kbit/s) and no Bpl.

// Fullband: G.113 (09/2024) with its erratum 1 (2026), appendix V: EVS in its super-wideband mode, both ears. Read in
// the documentation of sipnab, which names the table.
/// EVS at 24.4 kbit/s.
pub const EVS_24_4: Codec = codec(7.2, 11.4);
/// EVS at 13.2 kbit/s.
pub const EVS_13_2: Codec = codec(17.1, 11.7);
/// EVS at 9.6 kbit/s.
pub const EVS_9_6: Codec = codec(22.7, 13.0);

/// The values for the codec that a policy names.
pub fn of(codec: telemetry::Codec) -> Codec {
    match codec {
        telemetry::Codec::G711Plc => G711_PLC,
        telemetry::Codec::G729a => G729A_VAD,
        telemetry::Codec::OpusEstimate => OPUS_ESTIMATE,
    }
}
