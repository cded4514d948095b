//! A small line chart as inline SVG, made from numbers only.

use std::fmt::Write as _;
use telemetry::UnixMs;

/// Size of the drawing; the style sheet scales it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 64.0;
/// Room for the line's own width.
const EDGE: f64 = 4.0;

/// What a chart shows.
pub struct Chart<'a> {
    /// What it is, for those who cannot see it.
    pub title: &'a str,
    /// The points, oldest first.
    pub points: &'a [(UnixMs, f64)],
    /// The span of time that is drawn.
    pub from: UnixMs,
    /// Its end.
    pub to: UnixMs,
    /// A limit that is drawn when it is near the values.
    pub limit: Option<f64>,
    /// The longest time between two points of one line; a longer silence is a gap.
    pub gap_ms: i64,
}

impl Chart<'_> {
    /// The drawing. A title is the only text in it, and it is escaped.
    pub fn svg(&self) -> String {
        let (low, high) = self.range();
        let x = |at: UnixMs| {
            let span = self.to.since_ms(self.from).max(1) as f64;
            EDGE + at.since_ms(self.from) as f64 / span * (WIDTH - 2.0 * EDGE)
        };
        let y = |v: f64| HEIGHT - EDGE - (v - low) / (high - low) * (HEIGHT - 2.0 * EDGE);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\">\
             <title>{}</title>",
            escaped(self.title)
        );
        if let Some(limit) = self.limit.filter(|l| (low..=high).contains(l)) {
            let at = y(limit);
            let _ =
                write!(svg, "<line class=\"limit\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
        }
        for line in self.points.chunk_by(|a, b| b.0.since_ms(a.0) <= self.gap_ms) {
            if let [(at, v)] = line {
                let _ =
                    write!(svg, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\"/>", x(*at), y(*v));
            } else {
                let points: Vec<String> =
                    line.iter().map(|(at, v)| format!("{:.1},{:.1}", x(*at), y(*v))).collect();
                let _ = write!(svg, "<polyline class=\"line\" points=\"{}\"/>", points.join(" "));
            }
        }
        svg.push_str("</svg>");
        svg
    }

    /// Least and greatest value drawn: the points, and the limit if they come near it.
    fn range(&self) -> (f64, f64) {
        let all = || self.points.iter().map(|p| p.1);
        let (mut low, mut high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
        if let Some(limit) = self.limit {
            let near = (high - low).max(limit.abs() * 0.5);
            if (limit - high).abs() <= near || (low - limit).abs() <= near || (low..=high).contains(&limit) {
                (low, high) = (low.min(limit), high.max(limit));
            }
        }
        // A flat line lies in the middle and not on the edge.
        let air = ((high - low) * 0.08).max(high.abs() * 0.02).max(0.01);
        (low - air, high + air)
    }
}

/// Text inside an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_breaks_the_line_and_a_title_cannot_break_out() {
        let start = UnixMs::new(1_795_419_000_000);
        let points: Vec<_> =
            [0, 1, 2, 9, 10, 30].map(|m| (start.plus_ms(m * 60_000), f64::from(m as i32))).to_vec();
        let chart = Chart {
            title: "a<script>&",
            points: &points,
            from: start,
            to: start.plus_ms(3_600_000),
            limit: Some(20.0),
            gap_ms: 180_000,
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert_eq!(svg.matches("class=\"limit\"").count(), 1);
        assert!(svg.contains("<title>a&lt;script&gt;&amp;</title>") && !svg.contains("NaN"));
        let flat = Chart { points: &[(start, 0.0)], limit: None, ..chart };
        assert!(!flat.svg().contains("NaN"));
    }
}
