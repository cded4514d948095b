//! Every command of `preshift-collector` that a document shows is one that the program takes.

#[path = "../../../tests/docs/commands.rs"]
mod commands;

#[test]
fn documents_show_commands_that_exist() {
    let number = commands::hold("preshift-collector", &collector::cli::command());
    assert!(number > 5, "only {number} commands were found: does the test still see them?");
}
