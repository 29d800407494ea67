//! What goes wrong with an HTTP source, and which of it passes by itself.
//!
//! No error holds anything that a server sent but its status, nor anything of a credential: errors end in logs, in the
//! resource's status and in front of people who may read neither.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::auth::credential::{CredentialError, CredentialFault};
use super::auth::oauth2::TokenError;
use super::pagination::MalformedLink;
use super::pagination::{MAX_NEXT_BYTES, WrongPosition};
use super::response::body::BodyError;
use super::response::split::SplitError;
use super::transport::redirect::RedirectError;
use super::transport::resolver::ResolveError;
use super::transport::url_guard::ForbiddenUrl;
use crate::source::SourceError;
use crate::source::position::MalformedPosition;

/// Why no complete response came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The URL must not be asked for.
    #[error(transparent)]
    Url(#[from] ForbiddenUrl),
    /// The host has no address that may be dialled.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No connection.
    #[error("the server cannot be connected to: {0}")]
    Connect(io::ErrorKind),
    /// The server's certificate is not trusted.
    #[error("the server's certificate {0}")]
    Certificate(CertificateFault),
    /// TLS was not agreed on.
    #[error("the TLS handshake failed")]
    TlsHandshake,
    /// The time for the exchange was over.
    #[error("the exchange took longer than {0:?}")]
    Timeout(Duration),
    /// The connection ended before the response did.
    #[error("the connection was lost before the response was complete")]
    ConnectionLost,
    /// Not an HTTP response, or one with more headers than are read.
    #[error("the answer is not an HTTP response, or has too many or too long headers")]
    NotHttp,
    /// The body is not taken.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The certificate authorities to trust cannot be read.
    #[error(transparent)]
    Trust(#[from] CredentialError),
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    /// Its issuer is not among those that are trusted.
    #[error("is issued by nobody who is trusted")]
    UnknownIssuer,
    /// It is for another host.
    #[error("is not for this host")]
    WrongHost,
    /// Its time is over, or has not come.
    #[error("is expired or not yet valid")]
    Expired,
    /// Its issuer has revoked it.
    #[error("is revoked")]
    Revoked,
    /// Anything else.
    #[error("is not valid")]
    Invalid,
}

/// Why no page came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No complete response.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A response with a status other than success.
    #[error("the server answered with status {}", .status.as_u16())]
    Status {
        /// What it answered.
        status: StatusCode,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// A redirect or link that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// A credential that cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A body without records in it.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// No telling what the next page is.
    #[error(transparent)]
    Next(#[from] NextError),
    /// A saved position that cannot be read.
    #[error(transparent)]
    Position(#[from] PositionError),
}

/// Why the next page is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NextError {
    /// The `Link` header cannot be read.
    #[error(transparent)]
    Link(#[from] MalformedLink),
    /// The target of the link is not a URL.
    #[error("the link to the next page is not a URL")]
    LinkTarget,
    /// The cursor is neither text nor a whole number nor null.
    #[error("the next cursor in the body is neither text nor a whole number nor null")]
    CursorType,
    /// The cursor or the URL is longer than what is saved.
    #[error("the next cursor or link is longer than {MAX_NEXT_BYTES} bytes")]
    TooLong,
}

/// Why a saved position is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PositionError {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] MalformedPosition),
    /// It is not a place in this walk.
    #[error(transparent)]
    Wrong(#[from] WrongPosition),
}

/// Whether a fault passes by itself, with its name for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It may pass: the request is tried again.
    Passing(&'static str),
    /// It stays until somebody changes something.
    Lasting(&'static str),
}

impl HttpError {
    /// The one place where faults are told apart.
    pub(crate) fn fault(&self) -> Fault {
        use Fault::{Lasting, Passing};
        match self {
            Self::Exchange(error) => match error {
                ExchangeError::Url(ForbiddenUrl::Address(_)) => Lasting("forbidden_address"),
                ExchangeError::Url(_) => Lasting("forbidden_url"),
                ExchangeError::Resolve(ResolveError::Forbidden(_)) => Lasting("forbidden_address"),
                ExchangeError::Resolve(ResolveError::NotFound) => Passing("dns"),
                ExchangeError::Connect(_) => Passing("connect"),
                ExchangeError::Certificate(_) => Lasting("certificate"),
                ExchangeError::TlsHandshake => Passing("tls"),
                ExchangeError::Timeout(_) => Passing("timeout"),
                ExchangeError::ConnectionLost => Passing("connection_lost"),
                ExchangeError::NotHttp => Passing("not_http"),
                ExchangeError::Body(BodyError::TooLarge { .. }) => Lasting("body_too_large"),
                ExchangeError::Body(BodyError::UnknownEncoding | BodyError::CorruptGzip) => {
                    Lasting("content_encoding")
                }
                ExchangeError::Body(BodyError::Charset) => Lasting("charset"),
                ExchangeError::Trust(error) => credential_fault(error),
                ExchangeError::Client => Lasting("client"),
            },
            Self::Status { status, .. } => status_fault(*status),
            Self::Redirect(_) => Lasting("redirect"),
            Self::Credential(error) => credential_fault(error),
            Self::Token(TokenError::Unavailable { .. }) => Passing("token_endpoint"),
            Self::Token(_) => Lasting("token"),
            Self::Split(error) => match error {
                SplitError::NotUtf8 { .. } => Lasting("charset"),
                SplitError::NotJson { .. } => Lasting("not_json"),
                SplitError::PathMissing | SplitError::PathNotArray | SplitError::NotRecords => {
                    Lasting("records_path")
                }
                SplitError::TooDeep => Lasting("too_deep"),
                SplitError::RecordTooLarge { .. } => Lasting("record_too_large"),
                SplitError::TooManyRecords => Lasting("too_many_records"),
            },
            Self::Next(_) => Lasting("next_page"),
            Self::Position(_) => Lasting("position"),
        }
    }

    /// How long the server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Token(TokenError::Unavailable { retry_after, .. }) => {
                *retry_after
            }
            _ => None,
        }
    }
}

/// A file that is not there may be one that is being replaced; what is in it stays until somebody changes it.
fn credential_fault(error: &CredentialError) -> Fault {
    match error.fault {
        CredentialFault::Missing | CredentialFault::Unreadable(_) => Fault::Passing("credentials"),
        CredentialFault::Empty
        | CredentialFault::TooLarge
        | CredentialFault::NotText
        | CredentialFault::Unsendable
        | CredentialFault::NotCertificates => Fault::Lasting("credentials"),
    }
}

fn status_fault(status: StatusCode) -> Fault {
    use super::retry::{Verdict, verdict};
    match (verdict(status), status.as_u16()) {
        (Verdict::Retry, 429) => Fault::Passing("too_many_requests"),
        (Verdict::Retry, 500..) => Fault::Passing("server_error"),
        (Verdict::Retry, _) => Fault::Passing("not_ready"),
        (Verdict::Unauthorized, _) => Fault::Lasting("unauthorized"),
        (_, 403) => Fault::Lasting("forbidden"),
        (_, 404 | 410) => Fault::Lasting("not_found"),
        (_, 400..=499) => Fault::Lasting("client_error"),
        _ => Fault::Lasting("unexpected_status"),
    }
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        match error.fault() {
            Fault::Passing(cause) => Self::Unavailable { cause, source: Box::new(error) },
            Fault::Lasting(cause) => Self::Refused { cause, source: Box::new(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_named_and_judged() {
        for (status, expected) in [
            (401, Fault::Lasting("unauthorized")),
            (403, Fault::Lasting("forbidden")),
            (404, Fault::Lasting("not_found")),
            (410, Fault::Lasting("not_found")),
            (400, Fault::Lasting("client_error")),
            (408, Fault::Passing("not_ready")),
            (425, Fault::Passing("not_ready")),
            (429, Fault::Passing("too_many_requests")),
            (500, Fault::Passing("server_error")),
            (503, Fault::Passing("server_error")),
            (304, Fault::Lasting("unexpected_status")),
            (600, Fault::Lasting("unexpected_status")),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(HttpError::Status { status, retry_after: None }.fault(), expected, "{status}");
        }
    }

    #[test]
    fn what_passes_becomes_unavailable_and_what_stays_becomes_refused() {
        let passing = SourceError::from(HttpError::from(ExchangeError::ConnectionLost));
        assert!(passing.is_retryable());
        assert_eq!(passing.cause(), "connection_lost");
        let lasting = SourceError::from(HttpError::from(SplitError::TooDeep));
        assert!(!lasting.is_retryable());
        assert_eq!(
            lasting.to_string(),
            "the source cannot be read (too_deep): the body is nested more than 128 levels deep"
        );
    }
}
