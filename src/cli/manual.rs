//! `whychain completions` and `whychain man`: made from the command line's own
//! description, so that they cannot lag behind.

use clap::{Args, Command};
use clap_complete::Shell;

use super::Failure;
use super::output;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub struct Completions {
    /// bash, elvish, fish, powershell, zsh
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

const COMPLETIONS: &str = "\
Examples:
  whychain completions bash > ~/.local/share/bash-completion/completions/whychain
  whychain completions zsh > ~/.zfunc/_whychain
  whychain completions powershell >> $PROFILE";

/// Print a manual page in roff
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub struct Man {
    /// The command whose page to print; by default the program's own
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

const MAN: &str = "\
Examples:
  whychain man | man -l -
  whychain man explain > whychain-explain.1";

/// Runs `completions`.
pub fn completions(arguments: &Completions, mut command: Command) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "whychain", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Runs `man`.
pub fn man(arguments: &Man, mut command: Command) -> Result<u8, Failure> {
    // Gives subcommands their full names.
    command.build();
    let command = match &arguments.command {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => {
                let why = format!("no command {name}; `whychain --help` lists them");
                return Err(Failure(why));
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::data(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
