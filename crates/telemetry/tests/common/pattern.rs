//! The few regular expressions that a closed string may have: anchored, of letters, classes and
//! groups with counted repetition. Whatever else a pattern holds (`.`, `*`, `+`, `\`) is refused, and so
//! a string of unlimited length or with a sentence in it cannot be described at all.

/// A closed pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<Vec<Part>>);

#[derive(Debug, Clone, PartialEq)]
struct Part {
    atom: Atom,
    min: usize,
    max: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Atom {
    Class(Vec<char>),
    Group(Pattern),
}

impl Pattern {
    /// Reads a pattern, or says what is open in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('^').and_then(|t| t.strip_suffix('$')).ok_or("it is not anchored")?;
        let mut rest: &[char] = &inner.chars().collect::<Vec<_>>();
        let pattern = alternatives(&mut rest)?;
        if rest.is_empty() { Ok(pattern) } else { Err(format!("it goes on: {rest:?}")) }
    }

    /// The most characters a match has.
    pub fn longest(&self) -> usize {
        let of_atom = |a: &Atom| match a {
            Atom::Class(_) => 1,
            Atom::Group(p) => p.longest(),
        };
        let of_row = |row: &Vec<Part>| row.iter().map(|p| p.max * of_atom(&p.atom)).sum();
        self.0.iter().map(of_row).max().unwrap_or(0)
    }

    /// Every character that a match may have.
    pub fn alphabet(&self) -> Vec<char> {
        let mut all: Vec<char> = Vec::new();
        for part in self.0.iter().flatten() {
            match &part.atom {
                Atom::Class(class) => all.extend(class),
                Atom::Group(p) => all.extend(p.alphabet()),
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.ends(&text, 0).contains(&text.len())
    }

    /// A match; `pick(n)` chooses a number below n.
    pub fn make(&self, pick: &mut impl FnMut(usize) -> usize) -> String {
        let mut out = String::new();
        for part in &self.0[pick(self.0.len())] {
            for _ in 0..part.min + pick(part.max - part.min + 1) {
                match &part.atom {
                    Atom::Class(class) => out.push(class[pick(class.len())]),
                    Atom::Group(p) => out += &p.make(pick),
                }
            }
        }
        out
    }

    /// Where a match that begins at `from` may end.
    fn ends(&self, text: &[char], from: usize) -> Vec<usize> {
        let mut all = Vec::new();
        for row in &self.0 {
            let mut at = vec![from];
            for part in row {
                let mut reached = if part.min == 0 { at.clone() } else { Vec::new() };
                for times in 1..=part.max {
                    at = at.iter().flat_map(|&i| part.atom.ends(text, i)).collect();
                    at.sort_unstable();
                    at.dedup();
                    if at.is_empty() {
                        break;
                    }
                    if times >= part.min {
                        reached.extend(&at);
                    }
                }
                at = reached;
            }
            all.extend(at);
        }
        all
    }
}

impl Atom {
    fn ends(&self, text: &[char], from: usize) -> Vec<usize> {
        match self {
            Self::Class(class) if text.get(from).is_some_and(|c| class.contains(c)) => vec![from + 1],
            Self::Class(_) => Vec::new(),
            Self::Group(p) => p.ends(text, from),
        }
    }
}

fn alternatives(rest: &mut &[char]) -> Result<Pattern, String> {
    let mut rows = vec![Vec::new()];
    while let Some((&c, after)) = rest.split_first() {
        let atom = match c {
            ')' => break,
            '|' => {
                *rest = after;
                rows.push(Vec::new());
                continue;
            }
            '(' => {
                *rest = after;
                let group = alternatives(rest)?;
                *rest = rest.strip_prefix(&[')']).ok_or("a group is not closed")?;
                Atom::Group(group)
            }
            '[' => Atom::Class(class(rest)?),
            'a'..='z' | '0'..='9' | '-' | '_' => {
                *rest = after;
                Atom::Class(vec![c])
            }
            open => return Err(format!("'{open}' is open or unknown")),
        };
        let (min, max) = count(rest)?;
        rows.last_mut().expect("there is a row").push(Part { atom, min, max });
    }
    Ok(Pattern(rows))
}

fn class(rest: &mut &[char]) -> Result<Vec<char>, String> {
    let end = rest.iter().position(|&c| c == ']').ok_or("a class is not closed")?;
    let inner = &rest[1..end];
    *rest = &rest[end + 1..];
    if inner.is_empty() || inner[0] == '^' {
        return Err("a class is open: it says what is not in it".into());
    }
    let mut all = Vec::new();
    let mut i = 0;
    while i < inner.len() {
        let range = (i + 2 < inner.len() && inner[i + 1] == '-').then(|| inner[i + 2]);
        let last = range.unwrap_or(inner[i]);
        all.extend(inner[i]..=last);
        i += if range.is_some() { 3 } else { 1 };
    }
    match all.iter().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.')) {
        Some(c) => Err(format!("a class holds '{c}'")),
        None => Ok(all),
    }
}

fn count(rest: &mut &[char]) -> Result<(usize, usize), String> {
    match rest.first() {
        Some('?') => {
            *rest = &rest[1..];
            Ok((0, 1))
        }
        Some('{') => {
            let end = rest.iter().position(|&c| c == '}').ok_or("a count is not closed")?;
            let inner: String = rest[1..end].iter().collect();
            *rest = &rest[end + 1..];
            let (min, max) = inner.split_once(',').unwrap_or((&inner, &inner));
            let number = |s: &str| s.parse().map_err(|_| format!("'{{{inner}}}' has no end"));
            Ok((number(min)?, number(max)?))
        }
        _ => Ok((1, 1)),
    }
}

#[test]
fn open_patterns_are_refused() {
    for open in [
        "a",
        "^a",
        "^.$",
        "^a*$",
        "^a+$",
        "^[^a]$",
        "^\\w$",
        "^a{2,}$",
        "^[a-z ]{3}$",
        "^[A-Z]$",
        "^(a$",
        "^[ä]$",
    ] {
        assert!(Pattern::parse(open).is_err(), "{open}");
    }
}

#[test]
fn closed_patterns_match_as_they_should() {
    let p = Pattern::parse("^[a-c]{2,3}(-(rc|b)[0-9]{0,2})?$").unwrap();
    for good in ["ab", "abc", "ab-rc", "abc-b12"] {
        assert!(p.matches(good), "{good}");
    }
    for bad in ["", "a", "abcd", "ad", "ab-", "ab-c1", "ab-rc123", "ab-rc1 "] {
        assert!(!p.matches(bad), "{bad}");
    }
    assert_eq!(p.longest(), 3 + 1 + 2 + 2);
    let mut n = 0;
    for _ in 0..50 {
        let made = p.make(&mut |below| {
            n += 7;
            n % below
        });
        assert!(p.matches(&made), "{made}");
    }
}
