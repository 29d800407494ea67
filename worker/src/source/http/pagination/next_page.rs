//! Reads from a response what the next page is.

use reqwest::header::{HeaderMap, LINK};
use url::Url;
use userstream_crds::model::Pagination;
use userstream_crds::record_path::RecordPath;

use super::link_header::{MalformedLink, next_target};
use super::{MAX_NEXT_BYTES, NextPage};
use crate::source::http::error::PaginationError;
use crate::source::http::response::split::{Document, SplitError};

/// Why the next page cannot be determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextPageError {
    Body(SplitError),
    Pagination(PaginationError),
}

impl From<SplitError> for NextPageError {
    fn from(error: SplitError) -> Self {
        Self::Body(error)
    }
}

impl From<PaginationError> for NextPageError {
    fn from(error: PaginationError) -> Self {
        Self::Pagination(error)
    }
}

/// The next page, from the body (`None`: the response has no body) or the headers of the response from `url`.
/// `configured` is the URL of the source.
pub(crate) fn next_page(
    pagination: &Pagination,
    configured: &Url,
    url: &Url,
    headers: &HeaderMap,
    body: Option<&Document<'_>>,
) -> Result<NextPage, NextPageError> {
    match pagination {
        Pagination::None | Pagination::Page { .. } => Ok(NextPage::Implicit),
        Pagination::Cursor { path, .. } => Ok(NextPage::Token(match body {
            Some(document) => token(document, path)?,
            None => None,
        })),
        Pagination::Link { .. } => Ok(NextPage::Link(link(configured, url, headers)?)),
    }
}

/// The cursor at a path. Absent, null and empty mean that this was the last page.
fn token(document: &Document<'_>, path: &RecordPath) -> Result<Option<String>, NextPageError> {
    let Some(raw) = document.at(path)? else { return Ok(None) };
    let text = raw.get();
    let token = match text.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b'"') => serde_json::from_str::<String>(text).map_err(|_| PaginationError::CursorType)?,
        // Kept as text, because a number may have more digits than any integer type.
        Some(b'-' | b'0'..=b'9') if !text.contains(['.', 'e', 'E']) => text.to_owned(),
        _ => return Err(PaginationError::CursorType.into()),
    };
    if token.len() > MAX_NEXT_BYTES {
        return Err(PaginationError::TooLong.into());
    }
    Ok(Some(token).filter(|token| !token.is_empty()))
}

/// The URL in the `Link` headers, resolved against the URL of the request.
fn link(configured: &Url, url: &Url, headers: &HeaderMap) -> Result<Option<Url>, PaginationError> {
    for header in headers.get_all(LINK) {
        let header = std::str::from_utf8(header.as_bytes()).map_err(|_| MalformedLink)?;
        if let Some(target) = next_target(header)? {
            let mut next = url.join(target).map_err(|_| PaginationError::LinkTarget)?;
            next.set_fragment(None);
            return if next.as_str().len() > MAX_NEXT_BYTES {
                Err(PaginationError::TooLong)
            } else if !is_of_source(configured, &next) {
                Err(PaginationError::OtherServer)
            } else {
                Ok(Some(next))
            };
        }
    }
    Ok(None)
}

/// Whether a URL is on the server of the source: the same host and port, or HTTPS in place of HTTP.
///
/// The URL is saved and used by later runs. A single response must not hand them to another server, or to a private
/// address, for ever.
pub(crate) fn is_of_source(configured: &Url, url: &Url) -> bool {
    let is_upgrade = configured.scheme() == "http" && url.scheme() == "https";
    let has_port = configured.port_or_known_default() == url.port_or_known_default()
        || is_upgrade && configured.port().is_none() && url.port().is_none();
    (configured.scheme() == url.scheme() || is_upgrade) && configured.host() == url.host() && has_port
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn cursor_in(body: &str) -> Result<Option<String>, NextPageError> {
        let pagination = Pagination::Cursor {
            parameter: "after".to_owned(),
            path: "info.next".parse().unwrap(),
            max_pages: 10.try_into().unwrap(),
        };
        let url = Url::parse("https://a.example/").unwrap();
        let document = Document::parse(body.as_bytes())?;
        match next_page(&pagination, &url, &url, &HeaderMap::new(), Some(&document))? {
            NextPage::Token(token) => Ok(token),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cursor_is_text_or_an_integer() {
        for (value, expected) in [
            (r#""abc""#, Some("abc")),
            (r#""\u00e9\"/""#, Some("é\"/")),
            ("17", Some("17")),
            ("-1", Some("-1")),
            ("123456789012345678901234567890", Some("123456789012345678901234567890")),
            (r#""""#, None),
            ("null", None),
        ] {
            let body = format!(r#"{{"info":{{"next":{value}}}}}"#);
            assert_eq!(cursor_in(&body), Ok(expected.map(str::to_owned)), "{value}");
        }
        for absent in ["{}", r#"{"info":{}}"#, r#"{"info":[]}"#, "[]"] {
            assert_eq!(cursor_in(absent), Ok(None), "{absent}");
        }
        for value in ["1.5", "1e3", "true", "false", "{}", "[]"] {
            let body = format!(r#"{{"info":{{"next":{value}}}}}"#);
            assert_eq!(cursor_in(&body), Err(PaginationError::CursorType.into()), "{value}");
        }
        let body = format!(r#"{{"info":{{"next":"{}"}}}}"#, "x".repeat(MAX_NEXT_BYTES + 1));
        assert_eq!(cursor_in(&body), Err(PaginationError::TooLong.into()));
    }

    fn link_in(values: &[&str]) -> Result<Option<String>, PaginationError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let url = Url::parse("https://a.example/users?page=1").unwrap();
        Ok(link(&url, &url, &headers)?.map(String::from))
    }

    #[test]
    fn link_is_read_from_every_header_and_resolved() {
        assert_eq!(link_in(&[]), Ok(None));
        assert_eq!(
            link_in(&["</first>; rel=first", "<?page=2#top>; rel=next"]),
            Ok(Some("https://a.example/users?page=2".to_owned()))
        );
        assert_eq!(link_in(&["<http://[::1>; rel=next"]), Err(PaginationError::LinkTarget));
        assert_eq!(link_in(&["next"]), Err(PaginationError::Link(MalformedLink)));
        let long = format!("</{}>; rel=next", "x".repeat(MAX_NEXT_BYTES));
        assert_eq!(link_in(&[&long]), Err(PaginationError::TooLong));
        assert_eq!(link_in(&["<https://b.example/>; rel=next"]), Err(PaginationError::OtherServer));
    }

    #[test]
    fn only_urls_on_the_server_of_the_source_are_followed() {
        for (configured, url, is_followed) in [
            ("https://a.example/users", "https://a.example/users?page=2", true),
            ("https://a.example/users", "https://a.example:443/other", true),
            ("http://a.example/users", "https://a.example/users?page=2", true),
            ("http://a.example:8080/users", "http://a.example:8080/users", true),
            ("http://10.0.0.1/users", "http://10.0.0.1/", true),
            ("https://a.example/users", "http://a.example/users?page=2", false),
            ("https://a.example/users", "https://b.example/users", false),
            ("https://a.example/users", "https://a.example.evil.example/", false),
            ("https://a.example/users", "https://a.example:8443/users", false),
            ("http://a.example:8080/users", "https://a.example/users", false),
            ("http://a.example/users", "http://169.254.169.254/", false),
            ("http://a.example/users", "file:///etc/passwd", false),
            ("http://a.example/users", "data:text/json,[]", false),
        ] {
            let [configured, next] = [configured, url].map(|url| Url::parse(url).unwrap());
            assert_eq!(is_of_source(&configured, &next), is_followed, "{configured} {url}");
        }
    }
}
