//! `preshift-collector`: parse, run, exit code; nothing else.

fn main() -> std::process::ExitCode {
    collector::cli::run(std::env::args_os())
}
