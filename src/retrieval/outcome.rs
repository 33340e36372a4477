//! The ways in which an attempt can end.

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The object came.
    Ok,
    /// 304: the copy at hand is current.
    NotModified,
    /// The name does not exist or could not be resolved (NXDOMAIN, SERVFAIL, no data).
    NoSuchName,
    /// No name server answered.
    NameTimeout,
    /// SYNs without an answer.
    ConnectTimeout,
    /// RST in answer to the SYN.
    Refused,
    /// An ICMP error in answer to the SYN.
    Unreachable,
    /// RST after the connection was established.
    Reset,
    /// The answer began and stopped coming, with the connection left open.
    Stalled,
    /// The request was sent and nothing came back.
    NoAnswer,
    /// 407, or 401: a login was asked for and not satisfied.
    ProxyLogin,
    /// 403 or 451.
    Forbidden,
    /// Any other status of 400 or more.
    HttpError,
    /// A directory answered with an error.
    LdapError,
    /// A 3xx answer.
    Redirect,
    /// The answer came whole but is not what the URL names (a web page, nothing).
    UnexpectedContent,
    /// The transfer broke off before its announced end.
    Truncated,
    /// The capture does not show how it ended.
    IncompleteCapture,
}

impl Outcome {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::NotModified => "not-modified",
            Outcome::NoSuchName => "no-such-name",
            Outcome::NameTimeout => "name-timeout",
            Outcome::ConnectTimeout => "connect-timeout",
            Outcome::Refused => "refused",
            Outcome::Unreachable => "unreachable",
            Outcome::Reset => "reset",
            Outcome::Stalled => "stalled",
            Outcome::NoAnswer => "no-answer",
            Outcome::ProxyLogin => "proxy-login",
            Outcome::Forbidden => "forbidden",
            Outcome::HttpError => "http-error",
            Outcome::LdapError => "ldap-error",
            Outcome::Redirect => "redirect",
            Outcome::UnexpectedContent => "unexpected-content",
            Outcome::Truncated => "truncated",
            Outcome::IncompleteCapture => "incomplete-capture",
        }
    }

    /// True when the client now has a current copy.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Ok | Outcome::NotModified)
    }

    /// True when it did not get the object, as far as the capture can tell; an
    /// incomplete capture is neither success nor failure.
    #[must_use]
    pub fn is_failure(self) -> bool {
        !self.is_success() && !matches!(self, Outcome::IncompleteCapture | Outcome::Redirect)
    }
}
