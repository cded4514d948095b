//! Wrapped text and tables of two columns.

use anstyle::Style;
use std::io::{self, Write};

/// Nobody reads lines longer than this with ease.
const WIDEST: usize = 96;
/// A terminal that says it is narrower is written to as if it were this wide.
const NARROWEST: usize = 30;
/// Where nobody says how wide the output is.
const PIPE: usize = 80;

/// How wide text on standard output may be.
pub fn width() -> usize {
    let wide = terminal_size::terminal_size_of(io::stdout()).map_or(PIPE, |(w, _)| usize::from(w.0));
    wide.clamp(NARROWEST, WIDEST)
}

/// Joins a number and its unit, so that no line breaks between them. Written as a plain space.
pub const TIE: char = '\u{a0}';

/// Breaks text into lines of at most `width` characters, between words. A longer word gets a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines.into_iter().map(|line| line.replace(TIE, " ")).collect()
}

/// Writes a label and a text beside it, wrapped under itself. Where the label leaves too little room, the
/// text goes below it.
pub fn entry(
    out: &mut dyn Write,
    indent: usize,
    label: (&str, Style),
    column: usize,
    text: &str,
    width: usize,
) -> io::Result<()> {
    let (label, style) = label;
    let beside = width.saturating_sub(indent + column);
    if beside < 24 && column > 4 {
        writeln!(out, "{:indent$}{style}{label}{style:#}", "")?;
        let below = indent + 2;
        for line in wrap(text, width.saturating_sub(below).max(20)) {
            writeln!(out, "{:below$}{line}", "")?;
        }
        return Ok(());
    }
    let gap = column.saturating_sub(label.chars().count()).max(1);
    let mut lines = wrap(text, beside).into_iter();
    let first = lines.next().unwrap_or_default();
    writeln!(out, "{:indent$}{style}{label}{style:#}{:gap$}{first}", "", "")?;
    let under = indent + column;
    for line in lines {
        writeln!(out, "{:under$}{line}", "")?;
    }
    Ok(())
}

/// Writes a paragraph.
pub fn paragraph(out: &mut dyn Write, indent: usize, text: &str, width: usize) -> io::Result<()> {
    wrap(text, width.saturating_sub(indent).max(20))
        .iter()
        .try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("up 88\u{a0}min", 6), ["up", "88 min"]);
        assert_eq!(wrap("é é é", 3), ["é é", "é"], "characters are counted, not bytes");
    }

    #[test]
    fn entries_align_or_go_below() {
        let written = |width| {
            let mut out = Vec::new();
            entry(&mut out, 2, ("label", Style::new()), 10, "some words that go on and on", width).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(40), "  label     some words that go on and on\n");
        assert_eq!(written(36), "  label     some words that go on\n            and on\n");
        assert_eq!(written(30), "  label\n    some words that go on and\n    on\n");
    }
}
