//! The state saved between runs: the identity of the source, the cursor of the next page, and the pages' fingerprints.

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};
use userstream_crds::model::{HttpMethod, HttpSource, Pagination};

use super::pagination::PageCursor;

/// How many pages have a fingerprint for `emit: Changed`. Later pages always count as changed, because the size of a
/// position is bounded.
pub(crate) const MAX_FINGERPRINTS: usize = 2_000;

/// Where a traversal of an HTTP API continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HttpPosition {
    /// The source that the position belongs to, see [`identity`].
    pub(crate) source: Fingerprint,
    /// The next page.
    #[serde(rename = "at")]
    pub(crate) cursor: PageCursor,
    /// The last fingerprint of each page, by its index in the traversal. Empty unless `emit: Changed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fingerprints: Vec<Option<Fingerprint>>,
}

/// The first 64 bits of a SHA-256: enough to distinguish two bodies or two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::first_bits(digest(&SHA256, bytes).as_ref())
    }

    fn first_bits(hash: &[u8]) -> Self {
        Self(hash.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte)))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        format!("{:016x}", fingerprint.0)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

/// The identity of a source: while it stays the same, a saved page number or cursor keeps its meaning.
pub(crate) fn identity(source: &HttpSource) -> Fingerprint {
    let mut hash = Context::new(&SHA256);
    let mut add = |part: &str| {
        // The length prefix keeps two adjacent parts from hashing like one longer part.
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    };
    add(match source.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
    });
    add(source.url.as_str());
    for (name, value) in &source.query {
        add(name);
        add(value);
    }
    add(source.body.as_deref().unwrap_or_default());
    match &source.pagination {
        Pagination::None => add("none"),
        Pagination::Page { parameter, first, max_pages: _ } => {
            ["page", parameter, &first.to_string()].into_iter().for_each(add);
        }
        Pagination::Cursor { parameter, path, max_pages: _ } => {
            ["cursor", parameter, &path.to_string()].into_iter().for_each(add);
        }
        Pagination::Link { max_pages: _ } => add("link"),
    }
    Fingerprint::first_bits(hash.finish().as_ref())
}

/// Records the fingerprint of a page and returns whether it differs from the last one.
pub(crate) fn update_fingerprint(
    fingerprints: &mut Vec<Option<Fingerprint>>,
    index: usize,
    body: &[u8],
) -> bool {
    if index >= MAX_FINGERPRINTS {
        return true;
    }
    if fingerprints.len() <= index {
        fingerprints.resize(index + 1, None);
    }
    let current = Some(Fingerprint::of(body));
    fingerprints.get_mut(index).is_none_or(|last| std::mem::replace(last, current) != current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::http::pagination::MAX_NEXT_BYTES;
    use crate::source::http::testing;
    use crate::source::position::SavedPosition;

    #[test]
    fn largest_position_fits_the_limit_of_saved_positions() {
        let url = format!("https://a.example/{}", "x".repeat(MAX_NEXT_BYTES));
        let link = PageCursor::Link { index: usize::MAX, url: Some(url.parse().unwrap()) };
        let many = vec![Some(Fingerprint(1)); MAX_FINGERPRINTS];
        // Control characters take six bytes each in JSON; a cursor has one fingerprint.
        let token = PageCursor::Token(Some("\u{1}".repeat(MAX_NEXT_BYTES)));
        for (cursor, fingerprints) in
            [(link, many.clone()), (PageCursor::Number(u64::MAX), many), (token, vec![None])]
        {
            let position = SavedPosition::Http(HttpPosition { source: Fingerprint(1), cursor, fingerprints });
            assert!(position.to_saved().0.len() < 64 << 10);
        }
    }

    #[test]
    fn page_has_changed_when_its_fingerprint_differs() {
        let mut fingerprints = Vec::new();
        assert!(update_fingerprint(&mut fingerprints, 1, b"b"), "no fingerprint yet");
        assert!(!update_fingerprint(&mut fingerprints, 1, b"b"));
        assert!(update_fingerprint(&mut fingerprints, 0, b"b"), "another page");
        assert!(update_fingerprint(&mut fingerprints, 1, b"c"));
        assert!(!update_fingerprint(&mut fingerprints, 1, b"c"));
        assert!(update_fingerprint(&mut fingerprints, 1, b"b"), "and back");
        for _ in 0..2 {
            assert!(
                update_fingerprint(&mut fingerprints, MAX_FINGERPRINTS, b"b"),
                "past the last fingerprint"
            );
        }
        assert_eq!(fingerprints.len(), 2);
    }

    #[test]
    fn changing_what_a_page_means_changes_the_identity() {
        let pages = |parameter: &str, first: u64, max_pages: u32| Pagination::Page {
            parameter: parameter.to_owned(),
            first,
            max_pages: max_pages.try_into().unwrap(),
        };
        let base =
            || HttpSource { pagination: pages("page", 1, 10), ..testing::source("https://a.example/users") };
        let same = HttpSource {
            pagination: pages("page", 1, 20),
            timeout: base().timeout * 2,
            headers: [("x-trace".to_owned(), "1".to_owned())].into(),
            ..base()
        };
        assert_eq!(identity(&same), identity(&base()));
        let others = [
            HttpSource { url: "https://a.example/user".parse().unwrap(), ..base() },
            HttpSource { method: HttpMethod::Post, ..base() },
            HttpSource { body: Some("{}".to_owned()), ..base() },
            HttpSource { query: [("results".to_owned(), "50".to_owned())].into(), ..base() },
            HttpSource { query: [("result".to_owned(), "s50".to_owned())].into(), ..base() },
            HttpSource { pagination: pages("p", 1, 10), ..base() },
            HttpSource { pagination: pages("page", 0, 10), ..base() },
            HttpSource { pagination: Pagination::None, ..base() },
        ];
        let mut seen = vec![identity(&base())];
        for other in others {
            let identity = identity(&other);
            assert!(!seen.contains(&identity), "{other:?}");
            seen.push(identity);
        }
    }
}
