//! The walk over the pages of an API: which page comes next, when a run is over, and what is saved in between.
//!
//! A pure state machine. A *walk* goes from the first page to the last and may take several *runs*, each of at most
//! `maxPages` pages.

mod link_header;
pub(crate) mod next_page;

pub(crate) use link_header::MalformedLink;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};
use userstream_crds::model::Pagination;

/// The longest cursor and the longest URL of a next page that are followed, in bytes: the position they are saved in
/// is bounded, and so is a request line.
pub(crate) const MAX_NEXT_BYTES: usize = 8 << 10;

/// Which page a walk stands before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum At {
    /// The only page there is.
    Once,
    /// The page with this number.
    Page(u64),
    /// The page of this cursor; none: the one that needs no cursor.
    Cursor(Option<String>),
    /// The page at this address; none: the one at the source's own.
    Link {
        /// How many pages of the walk lie before it.
        index: usize,
        /// Its address.
        url: Option<Url>,
    },
}

/// What a page says about the one after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the number of the next page, if there are numbers, is one more.
    Unsaid,
    /// The cursor of the next page; none: there is no next page.
    Cursor(Option<String>),
    /// The address of the next page; none: there is no next page.
    Link(Option<Url>),
}

/// What followed from a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// The walk goes on, in this run or the next.
    Continues,
    /// The walk is at its end, and so is the run.
    Finished,
    /// The next page is one that this run has been at. The run ends, because it would go in circles.
    Circles,
}

/// A saved place that is not one of this kind of pagination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved position is of another kind of pagination")]
pub(crate) struct WrongPosition;

/// A walk over pages, and the run that is under way.
#[derive(Debug)]
pub(crate) struct Walk {
    pagination: Pagination,
    base: Url,
    at: At,
    pages_left: u32,
    circle: CircleDetector,
}

impl Walk {
    /// A walk over the pages at an address, its configured query parameters among it. No run is under way.
    pub(crate) fn new(pagination: Pagination, base: Url) -> Self {
        let at = start(&pagination);
        Self { pagination, base, at, pages_left: 0, circle: CircleDetector::default() }
    }

    /// Starts a run; none: at the first page.
    pub(crate) fn begin(&mut self, at: Option<At>) -> Result<(), WrongPosition> {
        let at = at.unwrap_or_else(|| start(&self.pagination));
        let fits = match (&self.pagination, &at) {
            (Pagination::None, At::Once) => true,
            (Pagination::Page { first, .. }, At::Page(number)) => number >= first,
            (Pagination::Cursor { .. }, At::Cursor(_)) | (Pagination::Link { .. }, At::Link { .. }) => true,
            _ => false,
        };
        if !fits {
            return Err(WrongPosition);
        }
        self.pages_left = max_pages(&self.pagination).get();
        self.circle = CircleDetector::starting_at(&at);
        self.at = at;
        Ok(())
    }

    /// The address of the next page of the run; none when the run is over.
    pub(crate) fn next_url(&self) -> Option<Url> {
        if self.pages_left == 0 {
            return None;
        }
        let url = match (&self.pagination, &self.at) {
            (Pagination::Page { parameter, .. }, At::Page(number)) => {
                with_parameter(&self.base, parameter, &number.to_string())
            }
            (Pagination::Cursor { parameter, .. }, At::Cursor(Some(cursor))) => {
                with_parameter(&self.base, parameter, cursor)
            }
            (_, At::Link { url: Some(url), .. }) => url.clone(),
            _ => self.base.clone(),
        };
        Some(url)
    }

    /// The number of the next page within its walk, from 0. All pages of a cursor count as one: there, every answer is
    /// the successor of the one before.
    pub(crate) fn index(&self) -> usize {
        match (&self.pagination, &self.at) {
            (Pagination::Page { first, .. }, At::Page(number)) => {
                usize::try_from(number.saturating_sub(*first)).unwrap_or(usize::MAX)
            }
            (_, At::Link { index, .. }) => *index,
            _ => 0,
        }
    }

    /// Whether a page was fetched already in this walk, so that a server that knows no such page means its end.
    pub(crate) fn may_be_past_the_end(&self) -> bool {
        matches!(&self.at, At::Page(_)) && self.index() > 0
    }

    /// Which page the walk stands before: what is saved.
    pub(crate) fn at(&self) -> &At {
        &self.at
    }

    /// Goes on from the page that was fetched.
    pub(crate) fn advance(&mut self, empty: bool, next: Next) -> Advance {
        self.pages_left = self.pages_left.saturating_sub(1);
        let index = self.index();
        let next = match (&self.at, next) {
            (At::Page(number), _) if !empty => number.checked_add(1).map(At::Page),
            (At::Cursor(current), Next::Cursor(Some(next))) => {
                // The same cursor again is how some APIs say that there is nothing new. An empty page with a new cursor
                // ends the run too, but the next one goes on from there.
                let over = empty || current.as_deref() == Some(next.as_str());
                self.at = At::Cursor(Some(next));
                (!over).then(|| self.at.clone())
            }
            (At::Link { .. }, Next::Link(Some(url))) => {
                Some(At::Link { index: index.saturating_add(1), url: Some(url) })
            }
            _ => None,
        };
        let Some(next) = next else {
            return self.finish(Advance::Finished);
        };
        if self.circle.closes_at(&next) {
            return self.finish(Advance::Circles);
        }
        self.at = next;
        Advance::Continues
    }

    /// Ends the run where it is, because a page could not be fetched.
    pub(crate) fn stop(&mut self) {
        self.pages_left = 0;
    }

    /// Ends the run. Page and Link start again at the first page; a cursor is kept.
    fn finish(&mut self, how: Advance) -> Advance {
        self.pages_left = 0;
        if !matches!(self.at, At::Cursor(_)) {
            self.at = start(&self.pagination);
        }
        how
    }
}

fn start(pagination: &Pagination) -> At {
    match pagination {
        Pagination::None => At::Once,
        Pagination::Page { first, .. } => At::Page(*first),
        Pagination::Cursor { .. } => At::Cursor(None),
        Pagination::Link { .. } => At::Link { index: 0, url: None },
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

/// The URL with one query parameter set, in place of any of that name.
pub(crate) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = without_parameter(url, name);
    changed.query_pairs_mut().append_pair(name, value);
    changed
}

/// The URL without a query parameter; the others stay as they are spelled.
pub(crate) fn without_parameter(url: &Url, name: &str) -> Url {
    let mut changed = url.clone();
    if let Some(query) = url.query() {
        let is_named = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(other, _)| other == name);
        let kept = query.split('&').filter(|pair| !is_named(pair)).collect::<Vec<_>>().join("&");
        changed.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    changed
}

/// Brent's algorithm: compares each page with one remembered page, which it replaces after 1, 2, 4, 8, … steps. Finds
/// every circle with the memory of one page.
#[derive(Debug, Default)]
struct CircleDetector {
    remembered: Option<String>,
    steps: u64,
    replace_after: u64,
}

impl CircleDetector {
    fn starting_at(at: &At) -> Self {
        Self { remembered: landmark(at), steps: 0, replace_after: 1 }
    }

    /// Whether the walk comes back to a remembered page.
    fn closes_at(&mut self, at: &At) -> bool {
        let landmark = landmark(at);
        if landmark.is_some() && landmark == self.remembered {
            return true;
        }
        self.steps += 1;
        if self.steps == self.replace_after {
            self.remembered = landmark;
            self.replace_after = self.replace_after.saturating_mul(2);
            self.steps = 0;
        }
        false
    }
}

/// What makes a page the same page. Numbered pages never come back.
fn landmark(at: &At) -> Option<String> {
    match at {
        At::Once | At::Page(_) => None,
        At::Cursor(cursor) => cursor.clone(),
        At::Link { url, .. } => url.as_ref().map(|url| url.as_str().to_owned()),
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

    fn page(max_pages: u32) -> Walk {
        Walk::new(
            Pagination::Page { parameter: "page".to_owned(), first: 1, max_pages: max(max_pages) },
            base(),
        )
    }

    fn cursor(max_pages: u32) -> Walk {
        let pagination = Pagination::Cursor {
            parameter: "after".to_owned(),
            path: "info.next".parse().unwrap(),
            max_pages: max(max_pages),
        };
        Walk::new(pagination, base())
    }

    fn link(max_pages: u32) -> Walk {
        Walk::new(Pagination::Link { max_pages: max(max_pages) }, base())
    }

    fn next_cursor(text: &str) -> Next {
        Next::Cursor(Some(text.to_owned()))
    }

    fn next_link(page: u32) -> Next {
        Next::Link(Some(Url::parse(&format!("https://api.example.com/users?page={page}")).unwrap()))
    }

    fn query(walk: &Walk) -> Option<String> {
        walk.next_url().map(|url| url.query().unwrap_or_default().to_owned())
    }

    #[test]
    fn without_pagination_a_run_is_one_request() {
        let mut walk = Walk::new(Pagination::None, base());
        for _ in 0..3 {
            walk.begin(Some(At::Once)).unwrap();
            assert_eq!(walk.next_url(), Some(base()));
            assert_eq!(walk.advance(false, Next::Unsaid), Advance::Finished);
            assert_eq!(walk.next_url(), None);
        }
    }

    #[test]
    fn before_a_run_there_is_no_page() {
        assert_eq!(page(3).next_url(), None);
    }

    #[test]
    fn pages_are_counted_until_an_empty_one_and_the_parameter_replaces_one_of_that_name() {
        let mut walk = page(10);
        walk.begin(None).unwrap();
        assert_eq!(query(&walk).unwrap(), "results=50&page=1");
        assert_eq!(walk.advance(false, Next::Unsaid), Advance::Continues);
        assert_eq!(query(&walk).unwrap(), "results=50&page=2");
        assert_eq!(walk.advance(true, Next::Unsaid), Advance::Finished);
        assert_eq!(query(&walk), None);
    }

    #[test]
    fn a_finished_walk_starts_again_at_the_first_page() {
        for (mut walk, first, next) in [
            (page(10), At::Page(1), Next::Unsaid),
            (link(10), At::Link { index: 0, url: None }, next_link(2)),
        ] {
            walk.begin(None).unwrap();
            walk.advance(false, next);
            walk.advance(true, Next::Link(None));
            assert_eq!(walk.at(), &first);
        }
    }

    #[test]
    fn a_finished_cursor_walk_keeps_the_last_cursor() {
        let mut walk = cursor(10);
        walk.begin(None).unwrap();
        assert_eq!(query(&walk).unwrap(), "results=50&page=old");
        assert_eq!(walk.advance(false, next_cursor("a b")), Advance::Continues);
        assert_eq!(query(&walk).unwrap(), "results=50&page=old&after=a+b");
        assert_eq!(walk.advance(false, Next::Cursor(None)), Advance::Finished);
        assert_eq!(walk.next_url(), None);
        assert_eq!(walk.at(), &At::Cursor(Some("a b".to_owned())));
    }

    #[test]
    fn an_empty_increment_ends_the_run_and_moves_the_cursor() {
        let mut walk = cursor(10);
        walk.begin(Some(At::Cursor(Some("1".to_owned())))).unwrap();
        assert_eq!(walk.advance(true, next_cursor("2")), Advance::Finished);
        assert_eq!(walk.at(), &At::Cursor(Some("2".to_owned())));
        walk.begin(Some(walk.at().clone())).unwrap();
        assert_eq!(walk.advance(false, next_cursor("2")), Advance::Finished, "the same cursor: nothing new");
    }

    #[test]
    fn a_run_has_at_most_its_share_of_pages_and_the_next_goes_on_from_there() {
        for (mut walk, next) in
            [(page(2), [Next::Unsaid, Next::Unsaid]), (link(2), [next_link(2), next_link(3)])]
        {
            walk.begin(None).unwrap();
            for next in next {
                assert!(walk.next_url().is_some());
                assert_eq!(walk.advance(false, next), Advance::Continues);
            }
            assert_eq!(walk.next_url(), None, "the run is over");
            let saved = walk.at().clone();
            walk.begin(Some(saved)).unwrap();
            assert!(walk.next_url().unwrap().query().unwrap().ends_with("page=3"));
            assert_eq!(walk.index(), 2);
        }
    }

    #[test]
    fn a_page_with_no_next_link_ends_the_walk_but_an_empty_one_with_a_link_does_not() {
        let mut walk = link(10);
        walk.begin(None).unwrap();
        assert_eq!(walk.advance(true, next_link(2)), Advance::Continues);
        assert_eq!(query(&walk).unwrap(), "page=2", "a link is taken as it is");
        assert_eq!(walk.advance(false, Next::Link(None)), Advance::Finished);
    }

    #[test]
    fn pages_that_lead_in_circles_end_the_run() {
        for length in [1, 2, 3, 7] {
            let mut walk = link(1_000);
            walk.begin(None).unwrap();
            let fetched =
                (0..).find(|step| walk.advance(false, next_link(step % length)) == Advance::Circles);
            assert!(fetched.unwrap() <= 4 * length, "{length}: {fetched:?}");
            assert_eq!(walk.next_url(), None);
            let mut walk = cursor(1_000);
            walk.begin(None).unwrap();
            let turn = |step: u32| next_cursor(&(step % length).to_string());
            let fetched = (0..).find(|step| walk.advance(false, turn(*step)) != Advance::Continues);
            assert!(fetched.unwrap() <= 4 * length, "{length}: {fetched:?}");
        }
    }

    #[test]
    fn only_a_page_after_the_first_may_be_past_the_end() {
        let mut walk = page(10);
        walk.begin(None).unwrap();
        assert!(!walk.may_be_past_the_end());
        walk.advance(false, Next::Unsaid);
        assert!(walk.may_be_past_the_end());
        let mut walk = cursor(10);
        walk.begin(Some(At::Cursor(Some("1".to_owned())))).unwrap();
        assert!(!walk.may_be_past_the_end(), "a cursor that is not known is lost, not at its end");
    }

    #[test]
    fn a_position_of_another_pagination_is_refused() {
        for at in [At::Once, At::Cursor(None), At::Link { index: 0, url: None }, At::Page(0)] {
            assert_eq!(page(10).begin(Some(at.clone())), Err(WrongPosition), "{at:?}");
        }
        assert_eq!(cursor(10).begin(Some(At::Page(1))), Err(WrongPosition));
    }

    #[test]
    fn the_last_number_there_is_ends_the_walk() {
        let mut walk = page(10);
        walk.begin(Some(At::Page(u64::MAX))).unwrap();
        assert_eq!(walk.advance(false, Next::Unsaid), Advance::Finished);
        assert_eq!(walk.at(), &At::Page(1));
    }

    #[test]
    fn a_place_is_the_same_after_it_was_saved() {
        let url = Url::parse("https://api.example.com/?page=2&x=%22").unwrap();
        let places = [
            (At::Once, r#""once""#),
            (At::Page(7), r#"{"page":7}"#),
            (At::Cursor(None), r#"{"cursor":null}"#),
            (At::Cursor(Some("ä\"".to_owned())), r#"{"cursor":"ä\""}"#),
            (
                At::Link { index: 1, url: Some(url) },
                r#"{"link":{"index":1,"url":"https://api.example.com/?page=2&x=%22"}}"#,
            ),
        ];
        for (at, text) in places {
            assert_eq!(serde_json::to_string(&at).unwrap(), text);
            assert_eq!(serde_json::from_str::<At>(text).unwrap(), at);
        }
    }

    #[test]
    fn removing_a_parameter_leaves_the_others_alone() {
        let url = Url::parse("https://a.example/?k%65y=1&b=%20x&key=2&c").unwrap();
        assert_eq!(without_parameter(&url, "key").as_str(), "https://a.example/?b=%20x&c");
        assert_eq!(without_parameter(&url, "other"), url);
        let only = Url::parse("https://a.example/?key=1").unwrap();
        assert_eq!(without_parameter(&only, "key").as_str(), "https://a.example/");
    }

    proptest! {
        /// Saving and starting a new run at any time changes nothing but where runs end.
        #[test]
        fn however_a_walk_is_cut_into_runs_it_sees_the_same_pages(pages in 1_u64..40, share in 1_u32..12) {
            let mut walk = page(share);
            let mut seen = Vec::new();
            let mut saved = None;
            while saved != Some(At::Page(1)) {
                walk.begin(saved.take()).unwrap();
                let mut fetched = 0;
                while let (Some(_), At::Page(number)) = (walk.next_url(), walk.at().clone()) {
                    fetched += 1;
                    let empty = number > pages;
                    if !empty {
                        seen.push(number);
                    }
                    walk.advance(empty, Next::Unsaid);
                }
                prop_assert!(fetched <= share);
                saved = Some(walk.at().clone());
            }
            prop_assert_eq!(seen, (1..=pages).collect::<Vec<_>>());
        }
    }
}
