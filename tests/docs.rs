//! Every command of `preshift` that a document shows is one that the program takes.

#[path = "docs/commands.rs"]
mod commands;

#[test]
fn documents_show_commands_that_exist() {
    let number = commands::hold("preshift", &preshift::cli::command());
    assert!(number > 30, "only {number} commands were found: does the test still see them?");
}

#[test]
fn commands_are_found_where_people_write_them() {
    let text = "Run `preshift check --json | jq .verdict`, or\n`preshift\nstatus`; `preshift.service` is none.\n\n\
        ```\nsudo preshift run   # a comment\npreshift pause | resume\n\
        & \"$env:LOCALAPPDATA\\Programs\\Preshift\\preshift.exe\" doctor --selftest > x.txt\n\
        apt install ./preshift_1.deb && preshift check\npreshift-collector serve\n```\n";
    let found: Vec<String> = commands::of("preshift", text).into_iter().map(|s| s.words.join(" ")).collect();
    let mut expected = vec!["run", "pause", "resume", "doctor --selftest", "check", "check --json", "status"];
    assert_eq!(found, expected);
    expected.clear();
    let collector = commands::of("preshift-collector", text);
    assert_eq!(collector.len(), 1);
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let command = preshift::cli::command();
    for wrong in ["chek", "check --jsn", "doctor --output x", "consent give everything"] {
        let words = std::iter::once("preshift").chain(wrong.split(' '));
        assert!(command.clone().try_get_matches_from(words).is_err(), "{wrong}");
    }
}
