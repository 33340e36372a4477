//! `whychain rules`: what can be found, and how it is told.

use clap::Args;
use whychain::diagnosis::RULES;

use super::Failure;
use super::output;

/// List the rules, or print the page of one
#[derive(Debug, Args)]
pub struct Arguments {
    /// The rule whose page to print
    #[arg(value_name = "ID")]
    id: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let text = match &arguments.id {
        None => list(),
        Some(id) => page(id)?,
    };
    output::data(&text)?;
    Ok(0)
}

fn list() -> String {
    let width = RULES
        .iter()
        .map(|rule| rule.id.len())
        .max()
        .unwrap_or_default();
    let line = |rule: &whychain::diagnosis::Rule| format!("{:width$}  {}\n", rule.id, rule.title());
    RULES.iter().map(line).collect()
}

fn page(id: &str) -> Result<String, Failure> {
    match RULES.iter().find(|rule| rule.id == id) {
        Some(rule) => Ok(format!("{}\n", rule.doc.trim_end())),
        None => {
            let part = |other: &&'static str| other.contains(id) || id.contains(*other);
            let near: Vec<&str> = RULES.iter().map(|rule| rule.id).filter(part).collect();
            let hint = match near.is_empty() {
                true => "`whychain rules` lists them".to_owned(),
                false => format!("did you mean {}?", near.join(" or ")),
            };
            Err(Failure(format!("no rule {id}; {hint}")))
        }
    }
}
