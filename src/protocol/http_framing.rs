//! Which messages have a body, and how its end is found.

use crate::protocol::body::{BodyReader, Framing};
use crate::protocol::http::Headers;

/// How a message's body is framed; `framing` is `None` where there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BodyPlan {
    pub(super) framing: Option<Framing>,
    /// Header fields that contradict each other or themselves, in one line.
    pub(super) trouble: Option<String>,
}

impl BodyPlan {
    /// The reader of the body, where there is one.
    pub(super) fn reader(self, headers: &Headers, hash_all: bool) -> Option<Box<BodyReader>> {
        let framing = self.framing?;
        Some(Box::new(BodyReader::new(
            framing,
            headers,
            self.trouble,
            hash_all,
        )))
    }
}

/// The body of a request: chunked, or of the length given, or none.
///
/// Spec: RFC 9112 §6.3.
pub(super) fn of_request(headers: &Headers) -> BodyPlan {
    let (framing, trouble) = declared(headers);
    let framing = framing.filter(|framing| {
        // A request cannot end by closing: its answer would have no way back.
        !matches!(framing, Framing::UntilClose | Framing::Length(0))
    });
    BodyPlan { framing, trouble }
}

/// The body of an answer; `method` is that of the request, where it was seen.
///
/// Spec: RFC 9112 §6.3.
pub(super) fn of_response(method: Option<&str>, status: u16, headers: &Headers) -> BodyPlan {
    let connected = method == Some("CONNECT") && (200..300).contains(&status);
    if method == Some("HEAD") || connected || matches!(status, 100..=199 | 204 | 304) {
        return BodyPlan {
            framing: None,
            trouble: None,
        };
    }
    let (framing, trouble) = declared(headers);
    BodyPlan {
        framing: Some(framing.unwrap_or(Framing::UntilClose)),
        trouble,
    }
}

/// What the fields declare. `Transfer-Encoding` overrides `Content-Length`;
/// of lengths that disagree the first counts, as it does for most clients that
/// do not refuse the message.
fn declared(headers: &Headers) -> (Option<Framing>, Option<String>) {
    let codings: Vec<&str> = headers
        .all("transfer-encoding")
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .collect();
    let (length, mut trouble) = content_length(headers);
    let Some(last) = codings.last() else {
        return (length.map(Framing::Length), trouble);
    };
    if headers.get("content-length").is_some() {
        trouble = Some("Transfer-Encoding beside Content-Length".into());
    }
    // Codings under it are undone as those of the content are.
    match last.eq_ignore_ascii_case("chunked") {
        true => (Some(Framing::Chunked), trouble),
        false => (Some(Framing::UntilClose), trouble),
    }
}

fn content_length(headers: &Headers) -> (Option<u64>, Option<String>) {
    let mut first = None;
    let mut trouble = None;
    for text in headers
        .all("content-length")
        .flat_map(|value| value.split(','))
    {
        let text = text.trim();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match (text.parse::<u64>().ok().filter(|_| digits), first) {
            (None, _) => trouble = Some(format!("Content-Length {text:.40?} is no number")),
            (Some(length), None) => first = Some(length),
            (Some(length), Some(before)) if length != before => {
                trouble = Some(format!("Content-Length {before} and {length}"));
            }
            _ => {}
        }
    }
    (first, trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Headers(fields.iter().map(own).collect())
    }

    #[test]
    fn answers_that_can_have_no_body_have_none() {
        let headers = headers(&[("Content-Length", "1208")]);
        let none = BodyPlan {
            framing: None,
            trouble: None,
        };
        assert_eq!(of_response(Some("HEAD"), 200, &headers), none);
        assert_eq!(of_response(Some("GET"), 304, &headers), none);
        assert_eq!(of_response(Some("GET"), 204, &headers), none);
        assert_eq!(of_response(Some("CONNECT"), 200, &headers), none);
        let refused = of_response(Some("CONNECT"), 407, &headers);
        assert_eq!(refused.framing, Some(Framing::Length(1208)));
        assert_eq!(
            of_response(None, 206, &headers).framing,
            Some(Framing::Length(1208))
        );
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_connection() {
        assert_eq!(
            of_response(Some("GET"), 200, &headers(&[])).framing,
            Some(Framing::UntilClose)
        );
        assert_eq!(of_request(&headers(&[])).framing, None);
    }

    #[test]
    fn chunked_overrides_a_length() {
        let both = headers(&[("Content-Length", "5"), ("Transfer-Encoding", "Chunked")]);
        let plan = of_response(None, 200, &both);
        assert_eq!(plan.framing, Some(Framing::Chunked));
        assert_eq!(
            plan.trouble.as_deref(),
            Some("Transfer-Encoding beside Content-Length")
        );
    }

    #[test]
    fn lengths_may_repeat_but_not_disagree() {
        let same = headers(&[("Content-Length", "5, 5"), ("content-length", "5")]);
        let plan = of_request(&same);
        assert_eq!(
            plan,
            BodyPlan {
                framing: Some(Framing::Length(5)),
                trouble: None
            }
        );
        let plan = of_request(&headers(&[
            ("Content-Length", "5"),
            ("Content-Length", "6"),
        ]));
        assert_eq!(plan.framing, Some(Framing::Length(5)));
        assert_eq!(plan.trouble.as_deref(), Some("Content-Length 5 and 6"));
    }

    #[test]
    fn a_length_that_is_no_number_is_none() {
        for text in ["-1", "+5", "0x10", "99999999999999999999"] {
            let plan = of_response(None, 200, &headers(&[("Content-Length", text)]));
            assert_eq!(plan.framing, Some(Framing::UntilClose));
            assert_eq!(
                plan.trouble,
                Some(format!("Content-Length {text:?} is no number"))
            );
        }
    }
}
