//! The answer of `verify` as JSON.

use serde::Serialize;
use serde_json::Value;
use whychain::bytes::to_hex;
use whychain::chain::{Chain, Check, Examination, Outcome, TrustStatus, Verdict, examine_damaged};
use whychain::pki::DamagedCertificate;

use super::verify_case::{Case, Leaf};
use super::verify_remains::Remains;

/// One answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// The id of the case, in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// `accept` or `reject`; what cannot be decided is not accepted.
    pub verdict: &'static str,
    /// Errors of the chain and all its elements.
    pub error_status: Vec<String>,
    /// Information bits of the chain.
    pub info_status: Vec<String>,
    /// Leaf first, of the best chain. A leaf that cannot be read stands alone.
    pub elements: Vec<AnswerElement>,
    /// What is left of a leaf that cannot be read as a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Remains>,
    /// The SSL policy's code, where a host was asked for.
    pub policy_error: Option<&'static str>,
    /// One line.
    pub detail: String,
}

/// One certificate of the best chain.
#[derive(Debug, Serialize)]
pub(super) struct AnswerElement {
    pub subject: String,
    pub sha256: String,
    pub error_status: Vec<String>,
    pub info_status: Vec<String>,
    pub checks: Vec<AnswerCheck>,
}

/// One check.
#[derive(Debug, Serialize)]
pub(super) struct AnswerCheck {
    pub check: &'static str,
    pub outcome: &'static str,
    pub detail: String,
}

impl Answer {
    /// The answer to a case that could not be read.
    pub(super) fn unreadable(id: Option<Value>, why: impl Into<String>) -> Self {
        Answer {
            id,
            verdict: Verdict::Reject.word(),
            error_status: Vec::new(),
            info_status: Vec::new(),
            elements: Vec::new(),
            malformed: None,
            policy_error: None,
            detail: format!("could not be read: {}", why.into()),
        }
    }

    /// The answer to a case.
    pub(super) fn to(id: Option<Value>, case: &Case) -> Self {
        match &case.leaf {
            Leaf::Whole(leaf) => Answer::of(id, &case.examine(leaf), &case.left_out),
            Leaf::Damaged(left) => Answer::damaged(id, case, left),
        }
    }

    /// The answer to a leaf that cannot be read: it is refused, for what its
    /// fields show besides.
    fn damaged(id: Option<Value>, case: &Case, left: &DamagedCertificate) -> Self {
        let found = examine_damaged(left, case.at, &case.policy, &case.candidates);
        let bits = found.iter().fold(TrustStatus::none(), |all, check| {
            if let Outcome::Fail(bits) = &check.outcome {
                return all | *bits;
            }
            all
        });
        let subject = left.subject.as_ref();
        let element = AnswerElement {
            subject: subject.map(|name| name.text.clone()).unwrap_or_default(),
            sha256: to_hex(&left.sha256),
            error_status: bits.names(),
            info_status: Vec::new(),
            checks: checks(&found),
        };
        let mut detail = format!("the leaf is malformed: {}", left.error);
        if !case.left_out.is_empty() {
            detail.push_str(&format!("; left out: {}", case.left_out.join("; ")));
        }
        Answer {
            id,
            verdict: Verdict::Reject.word(),
            error_status: bits.names(),
            info_status: Vec::new(),
            elements: vec![element],
            malformed: Some(Remains::of(left)),
            policy_error: None,
            detail,
        }
    }

    /// The answer of an examination: its best chain.
    fn of(id: Option<Value>, examination: &Examination, left_out: &[String]) -> Self {
        let Some(chain) = examination.best() else {
            return Answer::unreadable(id, "no chain");
        };
        let accepted = chain.verdict == Verdict::Accept;
        Answer {
            id,
            verdict: if accepted {
                Verdict::Accept.word()
            } else {
                Verdict::Reject.word()
            },
            error_status: chain.error_status.names(),
            info_status: chain.info_status.names(),
            elements: elements(chain),
            malformed: None,
            policy_error: chain.policy_error,
            detail: detail(chain, examination.truncated, left_out),
        }
    }
}

fn elements(chain: &Chain) -> Vec<AnswerElement> {
    let elements = chain.elements.iter().map(|element| AnswerElement {
        subject: element.certificate.subject.text.clone(),
        sha256: to_hex(&element.certificate.sha256),
        error_status: element.error_status.names(),
        info_status: element.info_status.names(),
        checks: checks(&element.checks),
    });
    elements.collect()
}

fn checks(checks: &[Check]) -> Vec<AnswerCheck> {
    let checks = checks.iter().map(|check| AnswerCheck {
        check: check.kind.word(),
        outcome: check.outcome.word(),
        detail: check.detail.clone(),
    });
    checks.collect()
}

/// The first thing wrong, else the first thing open, else how long the chain
/// is; then what was left out.
fn detail(chain: &Chain, truncated: bool, left_out: &[String]) -> String {
    let named = |(at, check): (usize, &whychain::chain::Check)| {
        let element = chain.elements.get(at);
        let name = element.map_or("", |element| element.certificate.subject.short());
        format!(
            "{name}: {} {}: {}",
            check.kind.word(),
            check.outcome.word(),
            check.detail
        )
    };
    let mut line = chain
        .failures()
        .chain(
            chain
                .checks()
                .filter(|(_, check)| matches!(check.outcome, Outcome::Unknown(_))),
        )
        .map(named)
        .next()
        .unwrap_or_else(|| format!("{} certificates, all checks hold", chain.elements.len()));
    let others = chain.failures().count().saturating_sub(1);
    if others > 0 {
        line.push_str(&format!(" (and {others} more)"));
    }
    if truncated {
        line.push_str("; the search stopped at a limit");
    }
    if !left_out.is_empty() {
        line.push_str(&format!("; left out: {}", left_out.join("; ")));
    }
    line
}
