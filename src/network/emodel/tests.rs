//! The models held to published values and to values that others computed.

use super::*;
use narrowband::Inputs;
use proptest::prelude::*;

const CLEAN: Path = Path { delay_ms: 0.0, loss_percent: 0.0, burst_ratio: 1.0 };

#[track_caller]
fn close(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() <= within, "{value} is not {expected}");
}

#[test]
fn all_defaults_give_the_published_rating() {
    let rating = Inputs::default().rating(G711);
    close(rating.ro, 94.7688, 1e-4);
    close(rating.is, 1.4136, 1e-4);
    close(rating.r, 93.2062, 1e-4);
    close(mos(rating.r), 4.4094, 1e-4);
    // As G.107 rounds it.
    assert_eq!(format!("{:.1}", rating.r), "93.2");
    assert_eq!((rating.idte, rating.idd, rating.ie_eff), (0.0, 0.0, 0.0));
    close(super::rating(G711, CLEAN), rating.r, 1e-12);
}

#[test]
fn mos_at_the_published_ratings() {
    for (r, expected) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
        close(mos(r), expected, 0.01);
    }
    // The polynomial itself.
    for (r, expected) in [(90.0, 4.339), (80.0, 4.024), (70.0, 3.597), (60.0, 3.1), (50.0, 2.575)] {
        close(mos(r), expected, 1e-9);
    }
    assert_eq!((mos(-5.0), mos(0.0), mos(100.0), mos(130.0)), (1.0, 1.0, 4.5, 4.5));
    assert!(mos(3.0) >= 1.0, "the polynomial dips below 1 near 0");
}

#[test]
fn pure_delay_at_the_reference_values() {
    for (ms, expected) in
        [(100.0, 0.0), (150.0, 0.164), (200.0, 3.044), (250.0, 8.917), (300.0, 14.761), (400.0, 24.070)]
    {
        close(through_delay(ms, 1.0, 100.0), expected, 1e-3);
    }
}

/// Computed by another implementation (loom's `emodel`), part by part.
#[test]
fn parts_agree_with_another_implementation() {
    let at = |delay_ms: f64| Inputs::of(Path { delay_ms, ..CLEAN }).rating(G711_PLC);
    for (ms, idte, idle, idd, r, score) in [
        (100.0, 1.963791, 0.727733, 0.0, 90.663730, 4.354920),
        (150.0, 2.811844, 0.840747, 0.163531, 89.539132, 4.327546),
        (250.0, 4.242856, 1.018587, 8.916710, 79.177101, 3.992519),
    ] {
        let rating = at(ms);
        close(rating.idte, idte, 1e-5);
        close(rating.idle, idle, 1e-5);
        close(rating.idd, idd, 1e-5);
        close(rating.r, r, 1e-4);
        close(mos(rating.r), score, 1e-5);
    }
    for (codec, loss, r) in
        [(G711_PLC, 1.0, 89.566361), (G711_PLC, 5.0, 77.425477), (codec::G729A_VAD, 2.0, 74.206208)]
    {
        close(rating(codec, Path { loss_percent: loss, ..CLEAN }), r, 1e-4);
    }
}

/// A conversation that minds delay less is rated better, and below mT nobody perceives it.
#[test]
fn delay_sensitivity_is_a_parameter() {
    let at = |delay_sensitivity, least_delay, absolute_delay| {
        Inputs { delay_sensitivity, least_delay, absolute_delay, ..Inputs::default() }.rating(G711_PLC).idd
    };
    close(at(1.0, 100.0, 200.0), through_delay(200.0, 1.0, 100.0), 1e-12);
    assert_eq!(at(1.0, 150.0, 150.0), 0.0);
    assert!(at(1.0, 150.0, 200.0) < at(1.0, 100.0, 200.0));
    // X is 1 at twice mT, whatever mT is, and there the exponent is all that differs: by hand, with n = 6·sT.
    let by_hand =
        |n: f64| 25.0 * (2f64.powf(1.0 / n) - 3.0 * (1.0 + (1.0 / 3f64).powf(n)).powf(1.0 / n) + 2.0);
    for sensitivity in [0.4, 0.55, 1.0] {
        close(at(sensitivity, 120.0, 240.0), by_hand(6.0 * sensitivity), 1e-9);
    }
    // An exponent of 6 − sT instead of 6·sT, a mistake seen elsewhere, would be something else.
    assert!((at(0.4, 120.0, 240.0) - by_hand(5.6)).abs() > 0.1);
}

/// Each input moves the rating in the direction in which it moves a call.
#[test]
fn every_input_counts() {
    let base = Inputs::of(Path { delay_ms: 150.0, loss_percent: 1.0, burst_ratio: 1.0 });
    let r = |inputs: Inputs| inputs.rating(G711_PLC).r;
    let worse = [
        ("too loud", Inputs { sending_loudness: -5.0, ..base }),
        ("too faint", Inputs { sending_loudness: 18.0, ..base }),
        ("receiving too faint", Inputs { receiving_loudness: 14.0, ..base }),
        ("no sidetone", Inputs { sidetone: 30.0, ..base }),
        ("loud sidetone", Inputs { sidetone: 2.0, ..base }),
        ("one's own room", Inputs { listener_sidetone: 0.0, room_receiving: 65.0, ..base }),
        ("a room that is sent", Inputs { d_sending: -3.0, room_sending: 65.0, ..base }),
        ("echo", Inputs { talker_echo: 40.0, ..base }),
        ("listener's echo", Inputs { listener_echo_loss: 20.0, ..base }),
        ("late echo", Inputs { echo_one_way: 400.0, ..base }),
        ("long loop", Inputs { round_trip: 900.0, ..base }),
        ("delay", Inputs { absolute_delay: 300.0, ..base }),
        ("sensitive", Inputs { least_delay: 60.0, ..base }),
        ("quantized often", Inputs { quantizing: 10.0, ..base }),
        ("circuit noise", Inputs { circuit_noise: -45.0, ..base }),
        ("noisy telephone", Inputs { noise_floor: -50.0, ..base }),
        ("room there", Inputs { room_sending: 65.0, ..base }),
        ("room here", Inputs { room_receiving: 65.0, ..base }),
        ("loss", Inputs { loss_percent: 4.0, ..base }),
        ("bursts", Inputs { burst_ratio: 3.0, ..base }),
    ];
    for (what, inputs) in worse {
        assert!(r(inputs) < r(base) - 0.01, "{what}: {} is not worse than {}", r(inputs), r(base));
    }
    close(r(Inputs { advantage: 10.0, ..base }), r(base) + 10.0, 1e-9);
    let parts = base.rating(G711_PLC);
    close(parts.ro - parts.is - parts.idte - parts.idle - parts.idd - parts.ie_eff, parts.r, 1e-9);
}

#[test]
fn loss_as_the_codec_bears_it() {
    let under = |codec, loss_percent, burst_ratio| {
        under_loss(codec, &Path { delay_ms: 0.0, loss_percent, burst_ratio }, 95.0)
    };
    // Ie,eff = Ie + (95 − Ie)·Ppl/(Ppl/BurstR + Bpl), by hand.
    close(under(G711_PLC, 2.0, 1.0), 190.0 / 27.1, 1e-9);
    close(under(G711, 2.0, 1.0), 190.0 / 6.3, 1e-9);
    close(under(G711_PLC, 5.0, 2.0), 475.0 / 27.6, 1e-9);
    close(under(codec::G729A_VAD, 2.0, 1.0), 19.0, 1e-9);
    close(under(codec::G723_1_VAD, 2.0, 1.0), 15.0 + 160.0 / 18.1, 1e-9);
    close(under(codec::GSM_EFR, 2.0, 1.0), 20.0, 1e-9);
    assert_eq!(under(codec::G729A_VAD, 0.0, 1.0), 11.0);
    // A burst ratio below 1 is no burst, and more than everything cannot be lost.
    assert_eq!(under(G711_PLC, 5.0, 0.2), under(G711_PLC, 5.0, 1.0));
    assert_eq!(under(G711_PLC, 500.0, 1.0), under(G711_PLC, 100.0, 1.0));
    assert!(rating(G711_PLC, Path { loss_percent: 100.0, ..CLEAN }) < 20.0);
}

#[test]
fn the_codec_of_a_policy_changes_the_estimate() {
    let path = Path { delay_ms: 105.0, loss_percent: 1.0, burst_ratio: 1.0 };
    let [g711, g729, opus] =
        [telemetry::Codec::G711Plc, telemetry::Codec::G729a, telemetry::Codec::OpusEstimate]
            .map(|codec| estimate(codec, path));
    close(g711, mos(rating(G711_PLC, path)), 1e-12);
    assert!(g729 < g711 - 0.2, "{g729} {g711}");
    // Ours, and by choice the same as G.711 with concealment; only the label differs.
    assert_eq!(opus, g711);
}

#[test]
fn wideband_at_the_values_of_others() {
    let none = Codec { ie: 0.0, bpl: 15.0 };
    assert_eq!(wideband::rating(none, CLEAN), 129.0);
    assert_eq!(wideband::mos(129.0), 4.5);
    close(wideband::mos(64.5), 2.575, 1e-9);
    close(wideband::mos(116.1), 4.339, 1e-9);
    // Idd,WB at 200 ms.
    close(129.0 - wideband::rating(none, Path { delay_ms: 200.0, ..CLEAN }), 3.927294, 1e-5);
    // AMR-WB at 12.65 kbit/s without loss, and with 2 % of random loss.
    close(wideband::mos(wideband::rating(codec::AMR_WB_12_65, CLEAN)), 4.18, 5e-3);
    let lossy = Path { loss_percent: 2.0, burst_ratio: 3.0, ..CLEAN };
    close(129.0 - wideband::rating(codec::AMR_WB_12_65, lossy), 43.8095, 1e-3);
    close(wideband::mos(wideband::rating(codec::AMR_WB_12_65, lossy)), 3.4062, 1e-3);
    // The odd order of the table is the table's.
    const { assert!(codec::AMR_WB_23_85.ie > codec::AMR_WB_23_05.ie) };
}

#[test]
fn fullband_by_hand() {
    let none = Codec { ie: 0.0, bpl: 15.0 };
    assert_eq!(fullband::rating(none, CLEAN), 148.0);
    assert_eq!(fullband::mos(148.0), 4.5);
    close(fullband::mos(74.0), 2.575, 1e-9);
    close(148.0 - fullband::rating(none, Path { delay_ms: 200.0, ..CLEAN }), 1.48 * 3.044414, 1e-5);
    let lossy = Path { loss_percent: 2.0, ..CLEAN };
    close(148.0 - fullband::rating(codec::EVS_24_4, lossy), 7.2 + 124.8 * 2.0 / 13.4, 1e-9);
    const { assert!(codec::EVS_9_6.ie > codec::EVS_13_2.ie && codec::EVS_13_2.ie > codec::EVS_24_4.ie) };
}

proptest! {
    #[test]
    fn worse_is_never_better(delay in 0.0..2_000.0f64, loss in 0.0..100.0f64, burst in 1.0..20.0f64, more in 0.0..50.0f64) {
        let path = Path { delay_ms: delay, loss_percent: loss, burst_ratio: burst };
        type Score = fn(Path) -> f64;
        let scores: [Score; 3] = [
            |path| mos(rating(G711_PLC, path)),
            |path| wideband::mos(wideband::rating(codec::AMR_WB_23_05, path)),
            |path| fullband::mos(fullband::rating(codec::EVS_24_4, path)),
        ];
        for at in scores {
            prop_assert!((1.0..=4.5).contains(&at(path)));
            let (lossier, burstier) = (Path { loss_percent: loss + more, ..path }, Path { burst_ratio: burst + more, ..path });
            let later = Path { delay_ms: delay + more, ..path };
            prop_assert!(at(lossier) <= at(path) + 1e-9);
            prop_assert!(at(burstier) <= at(path) + 1e-9);
            // Below 1 ms an echo is sidetone, and just above it the formula is below nothing.
            prop_assert!(delay < 2.0 || at(later) <= at(path) + 1e-9);
        }
    }
}
