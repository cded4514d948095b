//! The network lab by hand.
//!
//! ```text
//! netshape lab PREFIX SOCKET     brings a lab up, and stays until `quit`
//! netshape ctl SOCKET LINE       set wifi.up delay=20ms loss=2% | stats | record wifi.up | reset | quit
//! ip netns exec PREFIX-ws …      runs something on its desk
//! ```

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match linux::run(&words) {
        Ok(answer) => {
            print!("{answer}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("netshape: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("netshape: the network lab needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use netshape::{Lab, control};
    use std::{io, path::Path};

    pub(super) fn run(words: &[&str]) -> io::Result<String> {
        match words {
            ["lab", prefix, socket] => {
                let lab = Lab::up(prefix)?;
                println!("up");
                control::serve(Path::new(socket), lab.links()).map(|()| String::new())
            }
            ["ctl", socket, line @ ..] => control::say(Path::new(socket), &line.join(" ")),
            _ => Err(io::Error::other("usage: netshape lab PREFIX SOCKET | netshape ctl SOCKET LINE")),
        }
    }
}
