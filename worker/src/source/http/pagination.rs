//! The paginator: which page comes next, when a run is over, and which cursor is saved in between.
//!
//! A pure state machine. A *traversal* visits all pages from the first to the last and may span several *runs*, each of
//! at most `maxPages` pages.

mod link_header;
pub(crate) mod next_page;

pub(crate) use link_header::MalformedLink;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};
use userstream_crds::model::Pagination;

/// The longest cursor and the longest URL of a next page, in bytes: both the saved position and a request line are
/// bounded.
pub(crate) const MAX_NEXT_BYTES: usize = 8 << 10;

/// The next page of a traversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum PageCursor {
    /// The only page.
    #[serde(rename = "once")]
    Single,
    /// The page with this number.
    #[serde(rename = "page")]
    Number(u64),
    /// The page of this cursor of the API. `None`: the first page, which takes no cursor.
    #[serde(rename = "cursor")]
    Token(Option<String>),
    /// The page at this URL. `None`: the first page, at the source's URL.
    Link {
        /// How many pages of the traversal precede it.
        index: usize,
        /// The URL of the page.
        url: Option<Url>,
    },
}

/// What a response says about the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NextPage {
    /// Nothing. Numbered pages count up by one.
    Implicit,
    /// The cursor of the next page. `None`: this was the last page.
    Token(Option<String>),
    /// The URL of the next page. `None`: this was the last page.
    Link(Option<Url>),
}

/// The effect of a page on the traversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// The traversal continues, in this run or the next.
    Continues,
    /// The traversal is complete, and the run is over.
    Finished,
    /// The next page was already visited in this run. The run ends, because it would never finish.
    Loop,
}

/// A saved cursor of another kind of pagination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved position is of another kind of pagination")]
pub(crate) struct WrongPagination;

/// The state of a traversal and of its current run.
#[derive(Debug)]
pub(crate) struct Paginator {
    pagination: Pagination,
    base: Url,
    cursor: PageCursor,
    remaining_pages: u32,
    loop_detector: LoopDetector,
}

impl Paginator {
    /// A paginator over the pages at a URL, which includes the configured query parameters. No run is active.
    pub(crate) fn new(pagination: Pagination, base: Url) -> Self {
        let cursor = first_page(&pagination);
        Self { pagination, base, cursor, remaining_pages: 0, loop_detector: LoopDetector::default() }
    }

    /// Starts a run at a saved cursor, or at the first page without one.
    pub(crate) fn begin(&mut self, cursor: Option<PageCursor>) -> Result<(), WrongPagination> {
        let cursor = cursor.unwrap_or_else(|| first_page(&self.pagination));
        let fits = match (&self.pagination, &cursor) {
            (Pagination::None, PageCursor::Single)
            | (Pagination::Cursor { .. }, PageCursor::Token(_))
            | (Pagination::Link { .. }, PageCursor::Link { .. }) => true,
            (Pagination::Page { first, .. }, PageCursor::Number(number)) => number >= first,
            _ => false,
        };
        if !fits {
            return Err(WrongPagination);
        }
        self.remaining_pages = max_pages(&self.pagination).get();
        self.loop_detector = LoopDetector::starting_at(&cursor);
        self.cursor = cursor;
        Ok(())
    }

    /// The URL of the next page of the run. `None` when the run is over.
    pub(crate) fn next_url(&self) -> Option<Url> {
        if self.remaining_pages == 0 {
            return None;
        }
        let url = match (&self.pagination, &self.cursor) {
            (Pagination::Page { parameter, .. }, PageCursor::Number(number)) => {
                with_parameter(&self.base, parameter, &number.to_string())
            }
            (Pagination::Cursor { parameter, .. }, PageCursor::Token(Some(token))) => {
                with_parameter(&self.base, parameter, token)
            }
            (_, PageCursor::Link { url: Some(url), .. }) => url.clone(),
            _ => self.base.clone(),
        };
        Some(url)
    }

    /// The index of the next page within the traversal, from 0.
    ///
    /// All pages of a cursor API share index 0, because each response replaces the one before.
    pub(crate) fn index(&self) -> usize {
        match (&self.pagination, &self.cursor) {
            (Pagination::Page { first, .. }, PageCursor::Number(number)) => {
                usize::try_from(number.saturating_sub(*first)).unwrap_or(usize::MAX)
            }
            (_, PageCursor::Link { index, .. }) => *index,
            _ => 0,
        }
    }

    /// Whether a 404 for the next page means the end: the pages are numbered, and this is not the first.
    pub(crate) fn may_be_past_the_end(&self) -> bool {
        matches!(&self.cursor, PageCursor::Number(_)) && self.index() > 0
    }

    /// Whether the next page is the first of a traversal.
    pub(crate) fn is_at_first_page(&self) -> bool {
        self.cursor == first_page(&self.pagination)
    }

    /// The next page, to be saved.
    pub(crate) fn cursor(&self) -> &PageCursor {
        &self.cursor
    }

    /// Advances past the page that was fetched.
    pub(crate) fn advance(&mut self, empty: bool, next: NextPage) -> Advance {
        self.remaining_pages = self.remaining_pages.saturating_sub(1);
        let index = self.index();
        let next = match (&self.cursor, next) {
            (PageCursor::Number(number), _) if !empty => number.checked_add(1).map(PageCursor::Number),
            (PageCursor::Token(current), NextPage::Token(Some(next))) => {
                // Some APIs repeat the cursor when there is nothing new. An empty page with a new cursor ends the run
                // as well, and the next run continues from the new cursor.
                let is_last = empty || current.as_deref() == Some(next.as_str());
                self.cursor = PageCursor::Token(Some(next));
                (!is_last).then(|| self.cursor.clone())
            }
            (PageCursor::Link { .. }, NextPage::Link(Some(url))) => {
                Some(PageCursor::Link { index: index.saturating_add(1), url: Some(url) })
            }
            _ => None,
        };
        let Some(next) = next else {
            return self.finish(Advance::Finished);
        };
        if self.loop_detector.detects(&next) {
            return self.finish(Advance::Loop);
        }
        self.cursor = next;
        Advance::Continues
    }

    /// Ends the run at the current page, because it could not be fetched.
    pub(crate) fn stop(&mut self) {
        self.remaining_pages = 0;
    }

    /// Ends the run. Numbered and linked pages start over at the first page; a cursor is kept.
    fn finish(&mut self, outcome: Advance) -> Advance {
        self.remaining_pages = 0;
        if !matches!(self.cursor, PageCursor::Token(_)) {
            self.cursor = first_page(&self.pagination);
        }
        outcome
    }
}

fn first_page(pagination: &Pagination) -> PageCursor {
    match pagination {
        Pagination::None => PageCursor::Single,
        Pagination::Page { first, .. } => PageCursor::Number(*first),
        Pagination::Cursor { .. } => PageCursor::Token(None),
        Pagination::Link { .. } => PageCursor::Link { index: 0, url: None },
    }
}

fn max_pages(pagination: &Pagination) -> NonZeroU32 {
    match pagination {
        Pagination::None => NonZeroU32::MIN,
        Pagination::Page { max_pages, .. }
        | Pagination::Cursor { max_pages, .. }
        | Pagination::Link { max_pages } => *max_pages,
    }
}

/// The URL with one query parameter set, replacing any of the same name.
pub(crate) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = without_parameter(url, name);
    changed.query_pairs_mut().append_pair(name, value);
    changed
}

/// The URL without a query parameter. The others keep their spelling.
pub(crate) fn without_parameter(url: &Url, name: &str) -> Url {
    let mut changed = url.clone();
    if let Some(query) = url.query() {
        let is_named = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(other, _)| other == name);
        let kept = query.split('&').filter(|pair| !is_named(pair)).collect::<Vec<_>>().join("&");
        changed.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    changed
}

/// Brent's algorithm: compares each page with one reference page, which it replaces after 1, 2, 4, 8, … steps. Detects
/// every loop while storing a single page.
#[derive(Debug, Default)]
struct LoopDetector {
    reference: Option<String>,
    steps: u64,
    replace_after: u64,
}

impl LoopDetector {
    fn starting_at(cursor: &PageCursor) -> Self {
        Self { reference: page_key(cursor), steps: 0, replace_after: 1 }
    }

    /// Whether the traversal is back at the reference page.
    fn detects(&mut self, cursor: &PageCursor) -> bool {
        let key = page_key(cursor);
        if key.is_some() && key == self.reference {
            return true;
        }
        self.steps += 1;
        if self.steps == self.replace_after {
            self.reference = key;
            self.replace_after = self.replace_after.saturating_mul(2);
            self.steps = 0;
        }
        false
    }
}

/// What identifies a page. Numbered pages cannot loop.
fn page_key(cursor: &PageCursor) -> Option<String> {
    match cursor {
        PageCursor::Single | PageCursor::Number(_) => None,
        PageCursor::Token(token) => token.clone(),
        PageCursor::Link { url, .. } => url.as_ref().map(|url| url.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Url {
        Url::parse("https://api.example.com/users?results=50&page=old").unwrap()
    }

    fn max(pages: u32) -> NonZeroU32 {
        NonZeroU32::new(pages).unwrap()
    }

    fn page(max_pages: u32) -> Paginator {
        Paginator::new(
            Pagination::Page { parameter: "page".to_owned(), first: 1, max_pages: max(max_pages) },
            base(),
        )
    }

    fn cursor(max_pages: u32) -> Paginator {
        let pagination = Pagination::Cursor {
            parameter: "after".to_owned(),
            path: "info.next".parse().unwrap(),
            max_pages: max(max_pages),
        };
        Paginator::new(pagination, base())
    }

    fn link(max_pages: u32) -> Paginator {
        Paginator::new(Pagination::Link { max_pages: max(max_pages) }, base())
    }

    fn next_token(text: &str) -> NextPage {
        NextPage::Token(Some(text.to_owned()))
    }

    fn next_link(page: u32) -> NextPage {
        NextPage::Link(Some(Url::parse(&format!("https://api.example.com/users?page={page}")).unwrap()))
    }

    fn query(paginator: &Paginator) -> Option<String> {
        paginator.next_url().map(|url| url.query().unwrap_or_default().to_owned())
    }

    #[test]
    fn run_without_pagination_is_one_request() {
        let mut paginator = Paginator::new(Pagination::None, base());
        for _ in 0..3 {
            paginator.begin(Some(PageCursor::Single)).unwrap();
            assert_eq!(paginator.next_url(), Some(base()));
            assert_eq!(paginator.advance(false, NextPage::Implicit), Advance::Finished);
            assert_eq!(paginator.next_url(), None);
        }
    }

    #[test]
    fn paginator_has_no_page_before_a_run() {
        assert_eq!(page(3).next_url(), None);
    }

    #[test]
    fn pages_count_up_until_an_empty_page() {
        let mut paginator = page(10);
        paginator.begin(None).unwrap();
        assert_eq!(query(&paginator).unwrap(), "results=50&page=1");
        assert_eq!(paginator.advance(false, NextPage::Implicit), Advance::Continues);
        assert_eq!(query(&paginator).unwrap(), "results=50&page=2");
        assert_eq!(paginator.advance(true, NextPage::Implicit), Advance::Finished);
        assert_eq!(query(&paginator), None);
    }

    #[test]
    fn finished_traversal_starts_over_at_the_first_page() {
        for (mut paginator, first, next) in [
            (page(10), PageCursor::Number(1), NextPage::Implicit),
            (link(10), PageCursor::Link { index: 0, url: None }, next_link(2)),
        ] {
            paginator.begin(None).unwrap();
            paginator.advance(false, next);
            paginator.advance(true, NextPage::Link(None));
            assert_eq!(paginator.cursor(), &first);
        }
    }

    #[test]
    fn finished_cursor_traversal_keeps_its_last_cursor() {
        let mut paginator = cursor(10);
        paginator.begin(None).unwrap();
        assert_eq!(query(&paginator).unwrap(), "results=50&page=old");
        assert_eq!(paginator.advance(false, next_token("a b")), Advance::Continues);
        assert_eq!(query(&paginator).unwrap(), "results=50&page=old&after=a+b");
        assert_eq!(paginator.advance(false, NextPage::Token(None)), Advance::Finished);
        assert_eq!(paginator.next_url(), None);
        assert_eq!(paginator.cursor(), &PageCursor::Token(Some("a b".to_owned())));
    }

    #[test]
    fn empty_page_ends_the_run_and_advances_the_cursor() {
        let mut paginator = cursor(10);
        paginator.begin(Some(PageCursor::Token(Some("1".to_owned())))).unwrap();
        assert_eq!(paginator.advance(true, next_token("2")), Advance::Finished);
        assert_eq!(paginator.cursor(), &PageCursor::Token(Some("2".to_owned())));
        paginator.begin(Some(paginator.cursor().clone())).unwrap();
        assert_eq!(
            paginator.advance(false, next_token("2")),
            Advance::Finished,
            "the same cursor: nothing new"
        );
    }

    #[test]
    fn next_run_continues_after_max_pages() {
        for (mut paginator, next) in
            [(page(2), [NextPage::Implicit, NextPage::Implicit]), (link(2), [next_link(2), next_link(3)])]
        {
            paginator.begin(None).unwrap();
            for next in next {
                assert!(paginator.next_url().is_some());
                assert_eq!(paginator.advance(false, next), Advance::Continues);
            }
            assert_eq!(paginator.next_url(), None, "the run is over");
            let saved = paginator.cursor().clone();
            paginator.begin(Some(saved)).unwrap();
            assert!(paginator.next_url().unwrap().query().unwrap().ends_with("page=3"));
            assert_eq!(paginator.index(), 2);
        }
    }

    #[test]
    fn traversal_ends_without_a_next_link_not_on_an_empty_page() {
        let mut paginator = link(10);
        paginator.begin(None).unwrap();
        assert_eq!(paginator.advance(true, next_link(2)), Advance::Continues);
        assert_eq!(query(&paginator).unwrap(), "page=2", "a link replaces the whole URL");
        assert_eq!(paginator.advance(false, NextPage::Link(None)), Advance::Finished);
    }

    #[test]
    fn loop_of_pages_ends_the_run() {
        for length in [1, 2, 3, 7] {
            let mut paginator = link(1_000);
            paginator.begin(None).unwrap();
            let fetched =
                (0..).find(|step| paginator.advance(false, next_link(step % length)) == Advance::Loop);
            assert!(fetched.unwrap() <= 4 * length, "{length}: {fetched:?}");
            assert_eq!(paginator.next_url(), None);
            let mut paginator = cursor(1_000);
            paginator.begin(None).unwrap();
            let token = |step: u32| next_token(&(step % length).to_string());
            let fetched = (0..).find(|step| paginator.advance(false, token(*step)) != Advance::Continues);
            assert!(fetched.unwrap() <= 4 * length, "{length}: {fetched:?}");
        }
    }

    #[test]
    fn only_a_numbered_page_after_the_first_can_be_past_the_end() {
        let mut paginator = page(10);
        paginator.begin(None).unwrap();
        assert!(!paginator.may_be_past_the_end());
        paginator.advance(false, NextPage::Implicit);
        assert!(paginator.may_be_past_the_end());
        let mut paginator = cursor(10);
        paginator.begin(Some(PageCursor::Token(Some("1".to_owned())))).unwrap();
        assert!(!paginator.may_be_past_the_end(), "a 404 for a cursor means an expired cursor");
    }

    #[test]
    fn cursor_of_another_pagination_is_refused() {
        for at in [
            PageCursor::Single,
            PageCursor::Token(None),
            PageCursor::Link { index: 0, url: None },
            PageCursor::Number(0),
        ] {
            assert_eq!(page(10).begin(Some(at.clone())), Err(WrongPagination), "{at:?}");
        }
        assert_eq!(cursor(10).begin(Some(PageCursor::Number(1))), Err(WrongPagination));
    }

    #[test]
    fn largest_page_number_ends_the_traversal() {
        let mut paginator = page(10);
        paginator.begin(Some(PageCursor::Number(u64::MAX))).unwrap();
        assert_eq!(paginator.advance(false, NextPage::Implicit), Advance::Finished);
        assert_eq!(paginator.cursor(), &PageCursor::Number(1));
    }

    #[test]
    fn saved_cursor_reads_back_unchanged() {
        let url = Url::parse("https://api.example.com/?page=2&x=%22").unwrap();
        let cursors = [
            (PageCursor::Single, r#""once""#),
            (PageCursor::Number(7), r#"{"page":7}"#),
            (PageCursor::Token(None), r#"{"cursor":null}"#),
            (PageCursor::Token(Some("ä\"".to_owned())), r#"{"cursor":"ä\""}"#),
            (
                PageCursor::Link { index: 1, url: Some(url) },
                r#"{"link":{"index":1,"url":"https://api.example.com/?page=2&x=%22"}}"#,
            ),
        ];
        for (cursor, text) in cursors {
            assert_eq!(serde_json::to_string(&cursor).unwrap(), text);
            assert_eq!(serde_json::from_str::<PageCursor>(text).unwrap(), cursor);
        }
    }

    #[test]
    fn removing_a_parameter_leaves_the_others_unchanged() {
        let url = Url::parse("https://a.example/?k%65y=1&b=%20x&key=2&c").unwrap();
        assert_eq!(without_parameter(&url, "key").as_str(), "https://a.example/?b=%20x&c");
        assert_eq!(without_parameter(&url, "other"), url);
        let only = Url::parse("https://a.example/?key=1").unwrap();
        assert_eq!(without_parameter(&only, "key").as_str(), "https://a.example/");
    }

    proptest! {
        #[test]
        fn traversal_visits_the_same_pages_however_it_is_split(pages in 1_u64..40, max_pages in 1_u32..12) {
            let mut paginator = page(max_pages);
            let mut visited = Vec::new();
            let mut saved = None;
            while saved != Some(PageCursor::Number(1)) {
                paginator.begin(saved.take()).unwrap();
                let mut fetched = 0;
                while let (Some(_), PageCursor::Number(number)) = (paginator.next_url(), paginator.cursor().clone()) {
                    fetched += 1;
                    let empty = number > pages;
                    if !empty {
                        visited.push(number);
                    }
                    paginator.advance(empty, NextPage::Implicit);
                }
                prop_assert!(fetched <= max_pages);
                saved = Some(paginator.cursor().clone());
            }
            prop_assert_eq!(visited, (1..=pages).collect::<Vec<_>>());
        }
    }
}
