//! Commands as documents show them: found in Markdown and taken apart into words.

use clap::error::ErrorKind;

/// A command of a document: where it is, and its words after the program's name.
#[derive(Debug)]
pub struct Shown {
    /// The line as it is written.
    pub line: String,
    /// The words after the program.
    pub words: Vec<String>,
    /// Whether it stands in a sentence, which may name a command without all that it takes.
    pub named: bool,
}

/// Every command of `program` in a Markdown text: lines of code blocks and code within a sentence, behind `sudo`
/// or PowerShell's `&`, with a path or `.exe` to it.
pub fn of(program: &str, markdown: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut prose = String::new();
    let mut in_block = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            shown.extend(commands(program, line, false));
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    // Every second piece between backticks is code; it may go over the end of a line.
    for code in prose.split('`').skip(1).step_by(2) {
        shown.extend(commands(program, &code.replace('\n', " "), true));
    }
    shown
}

/// The commands of one line: alternatives and filters are divided by ` | `, commands by `&&` and `;`.
fn commands(program: &str, line: &str, named: bool) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut before: Option<&str> = None;
    for part in line.split(" && ").flat_map(|p| p.split("; ")) {
        for (number, alternative) in part.split(" | ").enumerate() {
            let words = words(alternative);
            let begins = words.iter().position(|w| !["sudo", "&", "exec"].contains(&w.as_str()));
            let rest = &words[begins.unwrap_or(words.len())..];
            match rest.split_first() {
                Some((first, rest)) if is(program, first) => {
                    found.push(Shown { line: line.trim().to_owned(), words: rest.to_vec(), named });
                    before = Some(program);
                }
                // `preshift status | history`: the program is not said again.
                Some(_) if number > 0 && before.is_some() && !is_filter(&rest[0]) => {
                    found.push(Shown { line: line.trim().to_owned(), words: rest.to_vec(), named });
                }
                _ => {}
            }
        }
    }
    // A program's name alone is no command.
    found.retain(|shown| !shown.words.is_empty());
    found
}

fn is(program: &str, word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name) == program
}

/// What a command's output is given to.
fn is_filter(word: &str) -> bool {
    ["jq", "less", "grep", "head", "tail", "sqlite3", "findstr", "sh", "xargs", "tee"].contains(&word)
}

/// Words of a line, in quotes or not; up to a comment or a redirection.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut any) = (None, false);
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(c);
                any = true;
            }
            (Some(q), c) if q == c => quote = None,
            (None, c) if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (None, '#' | '>' | '<') if word.is_empty() && !any => return words,
            (_, c) => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Every document that shows commands.
pub fn documents() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if root.join("docs").is_dir() { root.to_owned() } else { root.join("../..") };
    let mut paths = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    paths.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|e| e.unwrap().path()));
    paths.retain(|p| p.extension().is_some_and(|e| e == "md"));
    paths.sort();
    let read = |p: std::path::PathBuf| (p.display().to_string(), std::fs::read_to_string(&p).unwrap());
    paths.into_iter().map(read).collect()
}

/// Holds every command of `program` in the documents to what it takes; says how many there were.
#[track_caller]
pub fn hold(program: &str, command: &clap::Command) -> usize {
    let mut number = 0;
    for (document, text) in documents() {
        for shown in of(program, &text) {
            number += 1;
            let words = std::iter::once(program.to_owned()).chain(shown.words.clone());
            let Err(error) = command.clone().try_get_matches_from(words) else { continue };
            // A sentence may name a command without what it takes.
            let short = shown.named
                && matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::MissingSubcommand
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                );
            if error.use_stderr() && !short {
                panic!("{document}: `{}` is no command of {program}:\n{error}", shown.line);
            }
        }
    }
    number
}
