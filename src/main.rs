//! The command line of whychain. The work is done by the library; here
//! arguments come in and reports go out.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
