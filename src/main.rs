//! Parse, start, exit code; nothing else.

fn main() -> std::process::ExitCode {
    // Before anything else: the child that hears must hold nothing of what follows.
    preshift::audio::child::run_if_child();
    preshift::cli::main()
}
