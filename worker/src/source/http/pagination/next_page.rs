//! What a page says about the one after it.

use reqwest::header::{HeaderMap, LINK};
use url::Url;
use userstream_crds::model::Pagination;
use userstream_crds::path::RecordPath;

use super::link_header::{MalformedLink, next_target};
use super::{MAX_NEXT_BYTES, Next};
use crate::source::http::error::NextError;
use crate::source::http::response::split::{Document, SplitError};

/// Why there is no telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Split(SplitError),
    Next(NextError),
}

impl From<SplitError> for Unknown {
    fn from(error: SplitError) -> Self {
        Self::Split(error)
    }
}

impl From<NextError> for Unknown {
    fn from(error: NextError) -> Self {
        Self::Next(error)
    }
}

/// Looks where the pagination says: in the body (none: there was no body) or in the headers of the response from `url`.
pub(crate) fn next_page(
    pagination: &Pagination,
    url: &Url,
    headers: &HeaderMap,
    body: Option<&Document<'_>>,
) -> Result<Next, Unknown> {
    match pagination {
        Pagination::None | Pagination::Page { .. } => Ok(Next::Unsaid),
        Pagination::Cursor { path, .. } => Ok(Next::Cursor(match body {
            Some(document) => cursor(document, path)?,
            None => None,
        })),
        Pagination::Link { .. } => Ok(Next::Link(link(url, headers)?)),
    }
}

/// The cursor at a path. Absent, null and empty mean that there is none.
fn cursor(document: &Document<'_>, path: &RecordPath) -> Result<Option<String>, Unknown> {
    let Some(raw) = document.at(path)? else { return Ok(None) };
    let text = raw.get();
    let cursor = match text.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b'"') => serde_json::from_str::<String>(text).map_err(|_| NextError::CursorType)?,
        // As it is written: a number may have more digits than any type of ours.
        Some(b'-' | b'0'..=b'9') if !text.contains(['.', 'e', 'E']) => text.to_owned(),
        _ => return Err(NextError::CursorType.into()),
    };
    if cursor.len() > MAX_NEXT_BYTES {
        return Err(NextError::TooLong.into());
    }
    Ok(Some(cursor).filter(|cursor| !cursor.is_empty()))
}

/// The address in the `Link` headers.
fn link(url: &Url, headers: &HeaderMap) -> Result<Option<Url>, NextError> {
    for header in headers.get_all(LINK) {
        let header = std::str::from_utf8(header.as_bytes()).map_err(|_| MalformedLink)?;
        if let Some(target) = next_target(header)? {
            let mut next = url.join(target).map_err(|_| NextError::LinkTarget)?;
            next.set_fragment(None);
            return if next.as_str().len() > MAX_NEXT_BYTES {
                Err(NextError::TooLong)
            } else {
                Ok(Some(next))
            };
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn cursor_in(body: &str) -> Result<Option<String>, Unknown> {
        let pagination = Pagination::Cursor {
            parameter: "after".to_owned(),
            path: "info.next".parse().unwrap(),
            max_pages: 10.try_into().unwrap(),
        };
        let url = Url::parse("https://a.example/").unwrap();
        let document = Document::parse(body.as_bytes())?;
        match next_page(&pagination, &url, &HeaderMap::new(), Some(&document))? {
            Next::Cursor(cursor) => Ok(cursor),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cursor_is_text_or_a_whole_number() {
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
            assert_eq!(cursor_in(&body), Err(NextError::CursorType.into()), "{value}");
        }
        let body = format!(r#"{{"info":{{"next":"{}"}}}}"#, "x".repeat(MAX_NEXT_BYTES + 1));
        assert_eq!(cursor_in(&body), Err(NextError::TooLong.into()));
    }

    fn link_in(values: &[&str]) -> Result<Option<String>, NextError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let url = Url::parse("https://a.example/users?page=1").unwrap();
        Ok(link(&url, &headers)?.map(String::from))
    }

    #[test]
    fn a_link_is_looked_for_in_every_header_and_resolved() {
        assert_eq!(link_in(&[]), Ok(None));
        assert_eq!(
            link_in(&["</first>; rel=first", "<?page=2#top>; rel=next"]),
            Ok(Some("https://a.example/users?page=2".to_owned()))
        );
        assert_eq!(link_in(&["<http://[::1>; rel=next"]), Err(NextError::LinkTarget));
        assert_eq!(link_in(&["next"]), Err(NextError::Link(MalformedLink)));
        let long = format!("</{}>; rel=next", "x".repeat(MAX_NEXT_BYTES));
        assert_eq!(link_in(&[&long]), Err(NextError::TooLong));
    }
}
