//! The errors of an HTTP source, and which of them are retried.
//!
//! An error contains no part of a response but its status, and no part of a credential: errors appear in logs and in
//! the resource's status, whose readers may not have access to either.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::auth::credential::{SecretFileError, SecretFileProblem};
use super::auth::oauth2::TokenError;
use super::pagination::MalformedLink;
use super::pagination::{MAX_NEXT_BYTES, WrongPagination};
use super::response::body::BodyError;
use super::response::split::SplitError;
use super::transport::redirect::RedirectError;
use super::transport::resolver::ResolveError;
use super::transport::url_guard::ForbiddenUrl;
use crate::delivery::retry::Retry;
use crate::source::SourceError;
use crate::source::position::MalformedPosition;

/// Why no complete response was received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The URL must not be requested.
    #[error(transparent)]
    Url(#[from] ForbiddenUrl),
    /// The host has no address that may be dialled.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No connection.
    #[error("cannot connect to the server: {0}")]
    Connect(io::ErrorKind),
    /// The server's certificate is not trusted.
    #[error("the server's certificate {0}")]
    Certificate(CertificateProblem),
    /// The handshake failed for another reason than the certificate.
    #[error("the TLS handshake failed")]
    TlsHandshake,
    /// The exchange exceeded its timeout.
    #[error("the request did not complete within {0:?}")]
    Timeout(Duration),
    /// The connection ended before the response did.
    #[error("the connection was lost before the response was complete")]
    ConnectionLost,
    /// Not an HTTP response, or one with more headers than the client accepts.
    #[error("the response is not HTTP, or its headers are too many or too long")]
    NotHttp,
    /// The body is not accepted.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The certificate authorities to trust cannot be read.
    #[error(transparent)]
    Trust(#[from] SecretFileError),
    /// The client cannot be built.
    #[error("the HTTP client cannot be built")]
    Client,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateProblem {
    /// No trusted certificate authority issued it.
    #[error("is not issued by a trusted certificate authority")]
    UnknownIssuer,
    /// It is for another host.
    #[error("is not for this host")]
    WrongHost,
    /// Its validity period is over, or has not begun.
    #[error("is expired or not yet valid")]
    Expired,
    /// Its issuer has revoked it.
    #[error("is revoked")]
    Revoked,
    /// Anything else.
    #[error("is not valid")]
    Invalid,
}

/// Why a page could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No complete response.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A response with a status other than success.
    #[error("the server responded with status {}", .status.as_u16())]
    Status {
        /// The status.
        status: StatusCode,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// A redirect or link that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// A credential that cannot be used.
    #[error(transparent)]
    Credential(#[from] SecretFileError),
    /// No token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A body that cannot be split into records.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The next page cannot be determined.
    #[error(transparent)]
    Next(#[from] PaginationError),
    /// A saved position that cannot be read.
    #[error(transparent)]
    Position(#[from] PositionError),
}

/// Why the next page cannot be determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PaginationError {
    /// The `Link` header cannot be read.
    #[error(transparent)]
    Link(#[from] MalformedLink),
    /// The target of the link is not a URL.
    #[error("the link to the next page is not a URL")]
    LinkTarget,
    /// The link leads to another server.
    #[error(
        "the link to the next page leaves the server of the source; set source.http.url to the server of all pages"
    )]
    OtherServer,
    /// The cursor is neither text nor an integer nor null.
    #[error("the next cursor in the body is neither text nor an integer nor null")]
    CursorType,
    /// The cursor or the URL is longer than a saved position allows.
    #[error("the next cursor or link is longer than {MAX_NEXT_BYTES} bytes")]
    TooLong,
}

/// Why a saved position cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PositionError {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] MalformedPosition),
    /// It is of another kind of pagination.
    #[error(transparent)]
    Pagination(#[from] WrongPagination),
}

impl HttpError {
    /// Whether a retry can succeed, and the name of the cause for metrics.
    pub(crate) fn classify(&self) -> (Retry, &'static str) {
        use Retry::{Permanent, Transient};
        match self {
            Self::Exchange(error) => match error {
                ExchangeError::Url(ForbiddenUrl::Address(_)) => (Permanent, "forbidden_address"),
                ExchangeError::Url(_) => (Permanent, "forbidden_url"),
                ExchangeError::Resolve(ResolveError::Forbidden(_)) => (Permanent, "forbidden_address"),
                ExchangeError::Resolve(ResolveError::NotFound) => (Transient, "dns"),
                ExchangeError::Connect(_) => (Transient, "connect"),
                ExchangeError::Certificate(_) => (Permanent, "certificate"),
                ExchangeError::TlsHandshake => (Transient, "tls"),
                ExchangeError::Timeout(_) => (Transient, "timeout"),
                ExchangeError::ConnectionLost => (Transient, "connection_lost"),
                ExchangeError::NotHttp => (Transient, "not_http"),
                ExchangeError::Body(BodyError::TooLarge { .. }) => (Permanent, "body_too_large"),
                ExchangeError::Body(BodyError::UnknownEncoding | BodyError::CorruptGzip) => {
                    (Permanent, "content_encoding")
                }
                ExchangeError::Body(BodyError::Charset) => (Permanent, "charset"),
                ExchangeError::Trust(error) => classify_secret_file(error),
                ExchangeError::Client => (Permanent, "client"),
            },
            Self::Status { status, .. } => classify_error_status(*status),
            Self::Redirect(_) => (Permanent, "redirect"),
            Self::Credential(error) => classify_secret_file(error),
            Self::Token(TokenError::Unavailable { .. }) => (Transient, "token_endpoint"),
            Self::Token(_) => (Permanent, "token"),
            Self::Split(error) => (Permanent, split_cause(error)),
            Self::Next(_) => (Permanent, "next_page"),
            Self::Position(_) => (Permanent, "position"),
        }
    }

    /// Whether the server refuses the page itself, so that a later attempt at it would fail too. Refused credentials
    /// are about the client.
    pub(crate) fn refuses_page(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                let is_of_client = matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
                status.is_client_error() && !is_of_client && self.classify().0 == Retry::Permanent
            }
            Self::Exchange(ExchangeError::Url(_) | ExchangeError::Resolve(ResolveError::Forbidden(_)))
            | Self::Redirect(_)
            | Self::Split(_)
            | Self::Next(_) => true,
            Self::Exchange(_) | Self::Credential(_) | Self::Token(_) | Self::Position(_) => false,
        }
    }

    /// The `Retry-After` of the server.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Token(TokenError::Unavailable { retry_after, .. }) => {
                *retry_after
            }
            _ => None,
        }
    }
}

fn split_cause(error: &SplitError) -> &'static str {
    match error {
        SplitError::NotUtf8 { .. } => "charset",
        SplitError::NotJson { .. } => "not_json",
        SplitError::PathMissing | SplitError::PathNotArray | SplitError::NotRecords => "records_path",
        SplitError::TooDeep => "too_deep",
        SplitError::RecordTooLarge { .. } => "record_too_large",
        SplitError::TooManyRecords => "too_many_records",
    }
}

/// A missing file may be in the middle of a rotation. The contents of a file stay wrong until they are changed.
fn classify_secret_file(error: &SecretFileError) -> (Retry, &'static str) {
    match error.problem {
        SecretFileProblem::Missing | SecretFileProblem::Unreadable(_) => (Retry::Transient, "credentials"),
        SecretFileProblem::Empty
        | SecretFileProblem::TooLarge
        | SecretFileProblem::NotText
        | SecretFileProblem::Unsendable
        | SecretFileProblem::NotCertificates => (Retry::Permanent, "credentials"),
    }
}

fn classify_error_status(status: StatusCode) -> (Retry, &'static str) {
    use super::retry::{StatusClass, classify_status};
    match (classify_status(status), status.as_u16()) {
        (StatusClass::Retryable, 429) => (Retry::Transient, "too_many_requests"),
        (StatusClass::Retryable, 500..) => (Retry::Transient, "server_error"),
        (StatusClass::Retryable, _) => (Retry::Transient, "not_ready"),
        (StatusClass::Unauthorized, _) => (Retry::Permanent, "unauthorized"),
        (_, 403) => (Retry::Permanent, "forbidden"),
        (_, 404 | 410) => (Retry::Permanent, "not_found"),
        (_, 400..=499) => (Retry::Permanent, "client_error"),
        _ => (Retry::Permanent, "unexpected_status"),
    }
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        match error.classify() {
            (Retry::Transient, cause) => Self::Unavailable { cause, source: Box::new(error) },
            (Retry::Permanent | Retry::Rows, cause) => Self::Refused { cause, source: Box::new(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_cause_and_a_retry_class() {
        for (status, expected) in [
            (401, (Retry::Permanent, "unauthorized")),
            (403, (Retry::Permanent, "forbidden")),
            (404, (Retry::Permanent, "not_found")),
            (410, (Retry::Permanent, "not_found")),
            (400, (Retry::Permanent, "client_error")),
            (408, (Retry::Transient, "not_ready")),
            (425, (Retry::Transient, "not_ready")),
            (429, (Retry::Transient, "too_many_requests")),
            (500, (Retry::Transient, "server_error")),
            (503, (Retry::Transient, "server_error")),
            (304, (Retry::Permanent, "unexpected_status")),
            (600, (Retry::Permanent, "unexpected_status")),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(HttpError::Status { status, retry_after: None }.classify(), expected, "{status}");
        }
    }

    #[test]
    fn transient_error_is_unavailable_and_permanent_is_refused() {
        let transient = SourceError::from(HttpError::from(ExchangeError::ConnectionLost));
        assert!(transient.is_retryable());
        assert_eq!(transient.cause(), "connection_lost");
        let permanent = SourceError::from(HttpError::from(SplitError::TooDeep));
        assert!(!permanent.is_retryable());
        assert_eq!(
            permanent.to_string(),
            "the source cannot be read (too_deep): the body is nested more than 128 levels deep"
        );
    }
}
