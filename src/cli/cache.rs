//! `whychain cache`: entries of Windows' CryptnetUrlCache, and file names.

use clap::{Args, Subcommand};
use whychain::cryptnet;
use whychain::report;
use whychain::words;

use super::Failure;
use super::explain::read;
use super::listed::ListArgs;
use super::options::{Evidence, Show};
use super::output;

/// List cache entries, or predict a cache file's name
///
/// The table shows the main fields; --detail full, csv and json show every
/// field of the records, those too that certutil leaves out.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    evidence: Option<Evidence>,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain cache caches.zip
  whychain cache caches.zip --detail full --where url=authroot
  whychain cache caches.zip --sort last_sync_at --reverse
  whychain cache caches.zip -o entries.csv
  whychain cache C:/Users/me/AppData/LocalLow/Microsoft/CryptnetUrlCache
  whychain cache name http://crl.example.com/root.crl";

#[derive(Debug, Subcommand)]
enum Command {
    /// Predict the names of the cache files of URLs
    ///
    /// The name is that of the files in both MetaData and Content. It is printed
    /// with the URL behind it, one line each.
    Name {
        /// The URLs, as Windows would request them
        #[arg(required = true, value_name = "URL")]
        urls: Vec<String>,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if let Some(Command::Name { urls }) = &arguments.command {
        let lines = urls
            .iter()
            .map(|url| format!("{}  {}\n", cryptnet::file_name(url), words::clean(url)));
        output::data(&lines.collect::<String>())?;
        return Ok(0);
    }
    let Some(evidence) = &arguments.evidence else {
        return Err(Failure("give a cache folder or a zip of one".to_owned()));
    };
    let plan = arguments.list.plan(&evidence.evidence)?;
    let explained = read(&evidence.evidence, &evidence.options(), &arguments.show)?;
    let listing = report::lists_cache::cache_entries(&explained.case);
    arguments.list.write(&plan, listing, &arguments.show)?;
    Ok(0)
}
