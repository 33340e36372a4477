//! `whychain explain --each`: many cases in one run, a report for each.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use clap::Args;
use whychain::evidence::{self, Fingerprint};
use whychain::pipeline::{self, Options};
use whychain::recall;
use whychain::report;
use whychain::words;

use super::each_ledger::{Ledger, settings_mark};
use super::each_names::{Case, cases};
use super::each_tally::Tally;
use super::explain::Arguments;
use super::options::Format;
use super::outputs::{Output, Plan};
use super::progress::{Overall, Teller};
use super::{Failure, case_file, output};

/// Many cases in one run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many cases")]
pub struct Each {
    /// Each EVIDENCE is a case of its own: a report for each, named as its
    /// input, in the folder of --out-dir
    #[arg(long, requires = "out_dir")]
    #[arg(conflicts_with_all = ["output", "format", "share_map"])]
    pub each: bool,
    /// Where the reports of --each go; made if need be
    #[arg(long, value_name = "FOLDER", requires = "each")]
    pub out_dir: Option<PathBuf>,
    /// Forms to write for each case, with commas between: json, html, text, ...
    #[arg(long, value_enum, value_name = "FORMATS", hide_possible_values = true)]
    #[arg(value_delimiter = ',', default_value = "json", requires = "each")]
    pub formats: Vec<Format>,
    /// Cases explained at the same time; by default as many as there are cores.
    /// Memory grows with them and not with the number of cases
    #[arg(long, value_name = "NUMBER", requires = "each")]
    pub jobs: Option<NonZeroUsize>,
    /// Leave out the cases that are done: same input (size and time), program
    /// version and options, reports still there
    #[arg(long, requires = "each")]
    pub resume: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let inputs = &arguments.evidence.evidence;
    let folder = arguments.each.out_dir.as_deref();
    let folder = folder.ok_or_else(|| Failure("--each needs --out-dir".to_owned()))?;
    let mut formats: Vec<Format> = Vec::new();
    for format in &arguments.each.formats {
        if !formats.contains(format) {
            formats.push(*format);
        }
    }
    let cases = cases(inputs, &formats);
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let (ledger, records) = Ledger::open(folder, arguments.each.resume)?;
    let shop = Shop {
        arguments,
        folder,
        formats,
        options: arguments.question.options(&arguments.evidence)?,
        settings: settings_mark(arguments)?,
        records,
        cases: &cases,
        next: AtomicUsize::new(0),
    };
    let jobs = arguments
        .each
        .jobs
        .or_else(|| thread::available_parallelism().ok());
    let jobs = jobs
        .map_or(1, NonZeroUsize::get)
        .min(cases.len())
        .min(MAX_JOBS);
    let (sender, receiver) = channel();
    let tally = thread::scope(|scope| {
        for _ in 0..jobs {
            let (shop, sender) = (&shop, sender.clone());
            let worker = thread::Builder::new().stack_size(STACK_LEN);
            // A job that cannot start leaves its cases to the others.
            let _ = worker.spawn_scoped(scope, move || shop.work(&sender));
        }
        drop(sender);
        follow(&shop, ledger, &receiver)
    })?;
    tally.say(arguments.show.quiet, folder);
    tally.status(cases.len())
}

/// More threads than any machine has cores only cost memory.
const MAX_JOBS: usize = 1024;
/// As the main thread has it, which explains a single case.
const STACK_LEN: usize = 8 << 20;

/// What a worker says.
enum Word {
    /// How far a case is, in thousandths.
    Far(usize, u64),
    /// A case was taken up.
    Begun(usize, Mark),
    /// A case is done, with its verdict, or why it is not.
    Done(usize, Mark, Result<String, String>),
    /// A case was done before, with its verdict.
    Skipped(usize, String),
}

/// By what a case is known again.
#[derive(Clone)]
pub struct Mark {
    pub settings: String,
    pub fingerprint: String,
}

/// What the workers share.
struct Shop<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
    formats: Vec<Format>,
    options: Options,
    settings: String,
    records: super::each_ledger::Records,
    cases: &'a [Case],
    next: AtomicUsize,
}

impl Shop<'_> {
    /// Takes one case after the other until none is left, or nobody listens.
    fn work(&self, sender: &Sender<Word>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = self.cases.get(index) else {
                return;
            };
            if self.one(index, case, sender).is_none() {
                return;
            }
        }
    }

    /// `None` when nobody listens any more.
    fn one(&self, index: usize, case: &Case, sender: &Sender<Word>) -> Option<()> {
        let (mark, given) = match self.mark(case) {
            Ok(found) => found,
            Err(why) => {
                let mark = Mark {
                    settings: self.settings.clone(),
                    fingerprint: String::new(),
                };
                return sender.send(Word::Done(index, mark, Err(why))).ok();
            }
        };
        if let Some(state) = self.records.done(case, &mark, self.folder, &self.formats) {
            return sender.send(Word::Skipped(index, state)).ok();
        }
        sender.send(Word::Begun(index, mark.clone())).ok()?;
        // A fault of the program in one case shall not take the others with it.
        let work = AssertUnwindSafe(|| self.explain(index, case, given, sender));
        let result = catch_unwind(work).unwrap_or_else(|_| {
            Err("the program failed on it; please report that, with the lines above".to_owned())
        });
        sender.send(Word::Done(index, mark, result)).ok()
    }

    /// By what the case is known again, and what the analyst gave of it.
    fn mark(&self, case: &Case) -> Result<(Mark, Option<whychain::given::Given>), String> {
        let look = evidence::fingerprint(&case.input);
        let Fingerprint { digest, .. } = look.map_err(|error| error.to_string())?;
        let asked = self.arguments.case.as_deref();
        let given = case_file::read(asked, std::slice::from_ref(&case.input));
        let given = given.map_err(|Failure(why)| why)?;
        let settings = super::each_ledger::with_case_file(&self.settings, given.as_ref());
        let mark = Mark {
            settings,
            fingerprint: digest,
        };
        Ok((mark, given))
    }

    /// Explains one case and writes its reports.
    fn explain(
        &self,
        index: usize,
        case: &Case,
        given: Option<whychain::given::Given>,
        sender: &Sender<Word>,
    ) -> Result<String, String> {
        let paths = std::slice::from_ref(&case.input);
        let ours = self.records.wrote(case);
        let output = Output {
            format: None,
            output: self
                .formats
                .iter()
                .map(|it| case.file(self.folder, *it))
                .collect(),
            force: self.arguments.output.force || ours,
            share: self.arguments.output.share,
            share_map: None,
        };
        let plan = Plan::of(&output, paths).map_err(|Failure(why)| why)?;
        let mut options = self.options.clone();
        options.zones = given
            .as_ref()
            .map(|it| it.zones.clone())
            .unwrap_or_default();
        let mut last = 0;
        let mut tell = |progress: pipeline::Progress| {
            let far = u128::from(progress.done) * 1000 / u128::from(progress.total.max(1));
            let far = u64::try_from(far).unwrap_or(1000).min(1000);
            if far > last {
                last = far;
                let _ = sender.send(Word::Far(index, far));
            }
        };
        let explained = pipeline::explain(paths, &options, &mut tell);
        let mut explained = explained.map_err(|error| error.to_string())?;
        explained.given = given;
        if plan.has(Format::Json) {
            let wanted = report::json::cited_frames(&explained);
            let password = options.password.as_deref();
            let (ledger, places) = (&explained.case.evidence, &explained.places);
            explained.cited = recall::digests(paths, password, ledger, places, &wanted);
        }
        let written = plan.write_quietly(&explained, &self.arguments.show);
        written.map_err(|Failure(why)| why)?;
        Ok(explained.diagnosis.verdict.state.word().to_owned())
    }
}

/// Hears the workers out: tells progress, keeps the ledger, counts.
fn follow(
    shop: &Shop<'_>,
    mut ledger: Ledger,
    receiver: &Receiver<Word>,
) -> Result<Tally, Failure> {
    let mut teller = Teller::new(&shop.arguments.show);
    let mut tally = Tally::default();
    let mut far = vec![0_u64; shop.cases.len()];
    while let Ok(word) = receiver.recv() {
        let (index, now) = match &word {
            Word::Far(index, thousandths) => (*index, *thousandths),
            Word::Begun(index, _) => (*index, 0),
            Word::Done(index, ..) | Word::Skipped(index, _) => (*index, 1000),
        };
        let Some(case) = shop.cases.get(index) else {
            continue;
        };
        match word {
            Word::Far(..) => {}
            Word::Begun(_, mark) => ledger.begun(case, &mark)?,
            Word::Skipped(_, state) => tally.skipped(&state),
            Word::Done(_, mark, result) => {
                ledger.done(case, &mark, &result)?;
                if let Err(why) = &result {
                    teller.finish();
                    let why = words::clean(why);
                    output::say(&format!("{}: not explained: {why}", case.input.display()));
                }
                tally.done(case, &result);
            }
        }
        if let Some(slot) = far.get_mut(index) {
            *slot = now;
        }
        teller.tell_overall(&Overall {
            what: case.name.clone(),
            thousandths: far.iter().sum(),
            cases: shop.cases.len(),
            done: tally.finished(),
            failed: tally.failed(),
        });
    }
    teller.finish();
    ledger.finish()?;
    Ok(tally)
}
