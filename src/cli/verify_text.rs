//! The answer of `verify` for people: each chain as a tree, each failed or open
//! check with its values, those that passed in one line.

use std::io::{self, Write};

use whychain::chain::{Chain, Check, Element, Examination, Outcome};

use super::verify_answer::detail;
use super::verify_case::Case;

/// Chains written out in full; of the others one line.
const FULL: usize = 1;

/// Writes the verdict, the best chain with its checks, and a line for each
/// alternative.
///
/// # Errors
///
/// When the output cannot be written.
pub(super) fn write(
    output: &mut impl Write,
    case: &Case,
    examination: &Examination,
) -> io::Result<()> {
    let policy = &case.policy;
    for (number, chain) in examination.chains.iter().enumerate() {
        if number == 0 {
            let host = policy.host.as_ref().map(|host| format!(", host {host}"));
            let profile = policy.profile.word();
            let host = host.unwrap_or_default();
            writeln!(
                output,
                "{} by {profile} at {}{host}",
                chain.verdict.word(),
                case.at
            )?;
            write_summary(output, chain)?;
        }
        if number < FULL {
            write_tree(output, chain)?;
        } else {
            if number == FULL {
                writeln!(output, "\nother chains:")?;
            }
            let names: Vec<&str> = chain
                .elements
                .iter()
                .map(|element| element.certificate.subject.short())
                .collect();
            writeln!(output, "  {}: {}", names.join(" < "), detail(chain, &[]))?;
        }
    }
    if examination.truncated {
        writeln!(
            output,
            "\nthe search stopped at a limit; there may be other chains"
        )?;
    }
    for what in &case.left_out {
        writeln!(output, "left out: {what}")?;
    }
    Ok(())
}

fn write_summary(output: &mut impl Write, chain: &Chain) -> io::Result<()> {
    if !chain.error_status.is_empty() {
        let (bits, names) = (chain.error_status.bits(), chain.error_status.names());
        writeln!(output, "error status 0x{bits:08x}: {}", names.join(", "))?;
    }
    if let Some(code) = chain.policy_error.filter(|code| *code != "0") {
        writeln!(output, "SSL policy: {code}")?;
    }
    writeln!(output)
}

/// The root on top, the leaf below, as Windows draws a certification path.
fn write_tree(output: &mut impl Write, chain: &Chain) -> io::Result<()> {
    for (level, element) in chain.elements.iter().rev().enumerate() {
        let indent = "   ".repeat(level);
        let branch = if level == 0 { "" } else { "└─ " };
        let lead = indent.strip_prefix("   ").unwrap_or_default();
        writeln!(output, "{lead}{branch}{}", title(element))?;
        let is_pass = |check: &&Check| check.outcome == Outcome::Pass;
        for check in element.checks.iter().filter(|check| !is_pass(check)) {
            writeln!(output, "{indent}   {}", check_line(check))?;
        }
        let passed: Vec<&str> = element
            .checks
            .iter()
            .filter(is_pass)
            .map(|check| check.kind.word())
            .collect();
        if !passed.is_empty() {
            writeln!(output, "{indent}   ok      {}", passed.join(", "))?;
        }
    }
    Ok(())
}

fn title(element: &Element) -> String {
    let certificate = &element.certificate;
    let name = if certificate.subject.text.is_empty() {
        "(no subject)"
    } else {
        certificate.subject.text.as_str()
    };
    let anchor = if element.anchor { "  [anchor]" } else { "" };
    let status = element.error_status.names().join(", ");
    let status = if status.is_empty() {
        status
    } else {
        format!("  {status}")
    };
    format!("{name}{anchor}{status}")
}

fn check_line(check: &Check) -> String {
    let (word, bits) = match &check.outcome {
        Outcome::Pass => ("ok     ", String::new()),
        Outcome::Unknown(_) => ("unknown", String::new()),
        Outcome::Fail(bits) if bits.is_empty() => ("FAILED ", String::new()),
        Outcome::Fail(bits) => ("FAILED ", format!(" [{}]", bits.names().join(", "))),
    };
    format!("{word} {:<20} {}{bits}", check.kind.word(), check.detail)
}
