//! Manual pages and completions of the shells, made from a program's command line, so that they say what
//! the program does.
//!
//! Owns where they lie below a folder. Which of them a package takes, and to where, is the package's.

use clap::Command;
use clap_complete::{Shell, generate_to};
use std::{io, path::Path};

/// Writes `man/*.1` - one page for the program and one for each command - and `bash/`, `zsh/` and `fish/`
/// with the completions.
pub fn write(command: Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let pages = made(folder, "man")?;
    clap_mangen::generate_to(command.clone(), pages)?;
    for (shell, place) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
        generate_to(shell, &mut command.clone(), &name, made(folder, place)?)?;
    }
    Ok(())
}

fn made(folder: &Path, name: &str) -> io::Result<std::path::PathBuf> {
    let made = folder.join(name);
    std::fs::create_dir_all(&made)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Command {
        Command::new("desk")
            .version("1.2.3")
            .about("Looks after a desk")
            .subcommand(Command::new("check").about("Measure now"))
            .subcommand(Command::new("secret").hide(true))
    }

    #[test]
    fn a_page_for_each_command_that_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        write(program(), folder.path()).unwrap();
        let mut pages: Vec<_> = std::fs::read_dir(folder.path().join("man"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort();
        assert_eq!(pages, ["desk-check.1", "desk.1"]);
        let page = std::fs::read_to_string(folder.path().join("man/desk.1")).unwrap();
        assert!(page.contains("Looks after a desk") && page.contains("1.2.3"), "{page}");
        assert!(!page.contains("secret"), "{page}");
    }

    #[test]
    fn a_completion_for_each_shell() {
        let folder = tempfile::tempdir().unwrap();
        write(program(), folder.path()).unwrap();
        for file in ["bash/desk.bash", "zsh/_desk", "fish/desk.fish"] {
            let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
            assert!(text.contains("check"), "{file}: {text}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(write(program(), &file).is_err());
    }
}
