//! `whychain ctl`: a trust list by itself, and the difference of two.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use whychain::pki::{Artifact, Ctl, read_object};
use whychain::report;

use super::Failure;
use super::listed::ListArgs;
use super::options::Show;
use super::verify_case::read_file;

/// Show a trust list, or how two differ
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  whychain ctl show authrootstl.cab
  whychain ctl show \"Baltimore\" authrootstl.cab --detail full
  whychain ctl show cdd4eeae6000ac7f40c3802c171e30148030c072 authroot.stl
  whychain ctl diff old/authroot.stl new/authroot.stl --format csv";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a list, or the subjects with a hash or name
    Show(ShowArgs),
    /// Show subjects added, removed and changed from one list to another
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// A hash (or its beginning) or a part of a name, then the list: .stl or .cab
    #[arg(required = true, num_args = 1..=2, value_names = ["HASH|NAME", "FILE"])]
    what: Vec<PathBuf>,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// The earlier list
    #[arg(value_name = "A")]
    old: PathBuf,
    /// The later list
    #[arg(value_name = "B")]
    new: PathBuf,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    show: Show,
}

/// Nothing differs, or a subject was found.
const SAME: u8 = 0;
/// Something differs, or no subject was found.
const DIFFERENT: u8 = 1;

/// Runs the command. Like `diff` and `grep`: 1 when the lists differ, or when
/// no subject is as asked for.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Show(arguments) => show(arguments),
        Command::Diff(arguments) => {
            let files = [arguments.old.clone(), arguments.new.clone()];
            let plan = arguments.list.plan(&files)?;
            let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
            let listing = report::trust_list::difference(&old, &new);
            let same = listing.is_empty();
            arguments.list.write(&plan, listing, &arguments.show)?;
            Ok(if same { SAME } else { DIFFERENT })
        }
    }
}

fn show(arguments: &ShowArgs) -> Result<u8, Failure> {
    let (wanted, file) = match arguments.what.as_slice() {
        [file] => (None, file),
        [wanted, file, ..] => (Some(wanted.to_string_lossy()), file),
        [] => return Err(Failure("give a trust list".to_owned())),
    };
    let plan = arguments.list.plan(std::slice::from_ref(file))?;
    let mut listing = report::trust_list::subjects(&*read(file)?);
    if let Some(wanted) = &wanted {
        report::trust_list::keep_subject(&mut listing, wanted);
    }
    let found = wanted.is_none() || !listing.is_empty();
    arguments.list.write(&plan, listing, &arguments.show)?;
    Ok(if found { SAME } else { DIFFERENT })
}

/// The trust list in a file.
fn read(file: &Path) -> Result<Arc<Ctl>, Failure> {
    let read = read_object(&read_file(file).map_err(Failure)?);
    let mut lists = read.artifacts.iter().filter_map(|artifact| match artifact {
        Artifact::Ctl(ctl) => Some(Arc::clone(ctl)),
        _ => None,
    });
    lists.next().ok_or_else(|| {
        let why = match read.problems.first() {
            Some(problem) => format!(": {problem}"),
            None => format!("; it looks like {}", read.looks_like.word()),
        };
        let file = file.display();
        Failure(format!("{file}: holds no trust list{why}"))
    })
}
