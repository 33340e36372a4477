//! `whychain verify`: judge one leaf, or a file of cases.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use whychain::chain::{AnchorChecks, Host, Policy, Profile, Purpose, Verdict};
use whychain::time::Timestamp;

use super::verify_answer::Answer;
use super::verify_case::{Case, Leaf, Role, read_file};
use super::{verify_axis, verify_batch, verify_remains, verify_text};

/// Judge a certificate with everything that was available at a time.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)]
pub struct VerifyArgs {
    /// The certificate to judge.
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    leaf: Option<PathBuf>,
    /// Untrusted certificates to build from.
    #[arg(long, value_name = "DIR")]
    intermediates: Option<PathBuf>,
    /// Trusted roots; each is an anchor.
    #[arg(long, value_name = "DIR", required_unless_present = "batch")]
    roots: Option<PathBuf>,
    /// Explicitly distrusted certificates.
    #[arg(long, value_name = "DIR")]
    distrusted: Option<PathBuf>,
    /// Certificate revocation lists.
    #[arg(long, value_name = "DIR")]
    crl: Option<PathBuf>,
    /// The time of the validation.
    #[arg(
        long,
        value_name = "RFC3339",
        value_parser = time,
        required_unless_present_any = ["batch", "axis"]
    )]
    at: Option<Timestamp>,
    /// Tell every instant between two times at which the verdict changes, and why.
    #[arg(
        long,
        value_names = ["FROM", "TO"],
        num_args = 2,
        value_parser = time,
        conflicts_with_all = ["batch", "at"]
    )]
    axis: Option<Vec<Timestamp>>,
    /// What the certificate is to be used for.
    #[arg(long, value_name = "PURPOSE", default_value = "any", value_parser = purpose)]
    purpose: Purpose,
    /// The host, address or mailbox the certificate must be for.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The most certificates between leaf and anchor.
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// Every certificate below the anchor needs a revocation status.
    #[arg(long)]
    check_revocation: bool,
    /// A certificate policy that is acceptable.
    #[arg(long, value_name = "OID")]
    policy: Vec<String>,
    /// One of the policies must result.
    #[arg(long)]
    require_explicit_policy: bool,
    /// Policy mappings do not count.
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// anyPolicy does not count.
    #[arg(long)]
    inhibit_any_policy: bool,
    /// What is checked of an anchor itself (profile rfc5280).
    #[arg(long, value_name = "WHAT")]
    anchor: Option<AnchorWord>,
    /// By whose rules.
    #[arg(long, default_value = "windows")]
    profile: ProfileWord,
    /// Answer in JSON: short for --format json.
    #[arg(long)]
    json: bool,
    /// How to answer.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FormatWord,
    /// Judge every case of a file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatWord {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileWord {
    Windows,
    Rfc5280,
    Webpki,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnchorWord {
    Plain,
    Expiry,
    Constraints,
    #[value(name = "expiry+constraints")]
    ExpiryConstraints,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_rfc3339(text).ok_or_else(|| "not a time such as 2011-02-21T00:00:00Z".into())
}

fn purpose(word: &str) -> Result<Purpose, String> {
    Purpose::from_word(word).ok_or_else(|| {
        "one of any, server-auth, client-auth, code-signing, email, time-stamping, ocsp-signing"
            .into()
    })
}

const GOOD: u8 = 0;
const WRONG: u8 = 1;
const UNREADABLE: u8 = 2;

/// Runs the command. Returns the exit status: 0 nothing wrong, 1 something
/// wrong, 2 the input could not be read at all. A batch is 0 when every line
/// was answered, an axis when the certificate is good all the time.
pub fn run(args: &VerifyArgs, stdout: &mut impl Write, stderr: &mut impl Write) -> u8 {
    if let Some(file) = &args.batch {
        let result = File::open(file).and_then(|file| {
            verify_batch::run(&mut BufReader::new(file), stdout, args.profile.into())
        });
        return match result {
            Ok(()) => GOOD,
            Err(error) => {
                let _ = writeln!(stderr, "whychain: {}: {error}", file.display());
                UNREADABLE
            }
        };
    }
    let json = args.json || args.format == FormatWord::Json;
    match case(args) {
        Ok(case) => match answer(&case, json, args.span(), stdout) {
            Ok(status) => status,
            Err(error) => {
                let _ = writeln!(stderr, "whychain: {error}");
                UNREADABLE
            }
        },
        Err(why) => {
            let _ = writeln!(stderr, "whychain: {why}");
            if json {
                let answer = Answer::unreadable(None, why);
                let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
                let _ = writeln!(stdout, "{text}");
            }
            UNREADABLE
        }
    }
}

fn answer(
    case: &Case,
    json: bool,
    span: Option<(Timestamp, Timestamp)>,
    stdout: &mut impl Write,
) -> std::io::Result<u8> {
    if let (Some(span), Leaf::Whole(leaf)) = (span, &case.leaf) {
        let axis = case.axis(leaf, span);
        verify_axis::write(stdout, case, leaf, &axis, json)?;
        let always = axis.phases.iter();
        let always = axis.is_complete
            && always
                .map(|phase| phase.verdict)
                .all(|it| it == Verdict::Accept);
        return Ok(if always { GOOD } else { WRONG });
    }
    if json {
        let answer = Answer::to(None, case);
        serde_json::to_writer_pretty(&mut *stdout, &answer)?;
        writeln!(stdout)?;
        return Ok(match &case.leaf {
            Leaf::Damaged(_) => UNREADABLE,
            Leaf::Whole(_) if answer.verdict == Verdict::Accept.word() => GOOD,
            Leaf::Whole(_) => WRONG,
        });
    }
    let leaf = match &case.leaf {
        Leaf::Whole(leaf) => leaf,
        Leaf::Damaged(left) => {
            verify_remains::write(stdout, case, left)?;
            return Ok(UNREADABLE);
        }
    };
    let examination = case.examine(leaf);
    verify_text::write(stdout, case, &examination)?;
    let accepted = examination
        .best()
        .is_some_and(|chain| chain.verdict == Verdict::Accept);
    Ok(if accepted { GOOD } else { WRONG })
}

/// Reads the files of one case.
fn case(args: &VerifyArgs) -> Result<Case, String> {
    let at = args.at.or(args.span().map(|(from, _)| from));
    let (Some(leaf), Some(at)) = (&args.leaf, at) else {
        return Err("--leaf and --at are needed".to_string());
    };
    if let Some((from, to)) = args.span().filter(|(from, to)| from > to) {
        return Err(format!("--axis ends at {to}, before it begins at {from}"));
    }
    let bytes = read_file(leaf)?;
    let leaf = Leaf::from_bytes(&bytes).map_err(|why| format!("{}: {why}", leaf.display()))?;
    let mut case = Case::new(leaf, at, args.policy());
    for (role, folder) in [
        (Role::Root, &args.roots),
        (Role::Intermediate, &args.intermediates),
        (Role::Distrusted, &args.distrusted),
        (Role::Crl, &args.crl),
    ] {
        if let Some(folder) = folder {
            case.add_folder(role, folder)?;
        }
    }
    Ok(case)
}

impl VerifyArgs {
    /// The two times of `--axis`.
    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match self.axis.as_deref() {
            Some([from, to]) => Some((*from, *to)),
            _ => None,
        }
    }

    fn policy(&self) -> Policy {
        Policy {
            profile: self.profile.into(),
            purpose: self.purpose.clone(),
            host: self.host.as_deref().map(Host::from_text),
            max_depth: self.max_depth,
            check_revocation: self.check_revocation,
            initial_policies: self.policy.clone(),
            require_explicit_policy: self.require_explicit_policy,
            inhibit_policy_mapping: self.inhibit_policy_mapping,
            inhibit_any_policy: self.inhibit_any_policy,
            anchor_checks: self
                .anchor
                .map_or_else(AnchorChecks::default, AnchorChecks::from),
            knows_roots: true,
            ..Policy::default()
        }
    }
}

impl From<ProfileWord> for Profile {
    fn from(word: ProfileWord) -> Self {
        match word {
            ProfileWord::Windows => Profile::Windows,
            ProfileWord::Rfc5280 => Profile::Rfc5280,
            ProfileWord::Webpki => Profile::Webpki,
        }
    }
}

impl From<AnchorWord> for AnchorChecks {
    fn from(word: AnchorWord) -> Self {
        let (expiry, constraints) = match word {
            AnchorWord::Plain => (false, false),
            AnchorWord::Expiry => (true, false),
            AnchorWord::Constraints => (false, true),
            AnchorWord::ExpiryConstraints => (true, true),
        };
        AnchorChecks {
            expiry,
            constraints,
        }
    }
}
