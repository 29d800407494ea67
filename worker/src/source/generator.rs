//! A source of synthetic users, without a network.

mod nations;
mod users;
mod writer;

use serde::{Deserialize, Serialize};
use tracing::info;
use userstream_crds::model;

use super::position::{MalformedPosition, SavedPosition};
use super::{Page, Source, SourceError};
use crate::log::SourcePosition;
use crate::runtime::clock::Clock;

pub use self::users::Users;

/// The largest number of users in one page, which bounds a page at about 1.2 MB.
const USERS_PER_PAGE: u32 = 1_000;

/// The buffer capacity reserved per user, in bytes: slightly above the average size.
const USER_BYTES: usize = 1_250;

/// The generator as a source: each run makes a fixed number of users and continues where the last run stopped.
#[derive(Debug)]
pub struct Generator {
    users: Users,
    seed: i64,
    users_per_run: u32,
    next: u64,
    remaining: u32,
    clock: Clock,
}

/// Where a sequence of users continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GeneratorPosition {
    /// The seed of the sequence.
    seed: i64,
    /// The number of the next user.
    next: u64,
}

impl Generator {
    /// The generator that a pipeline declares.
    pub fn new(generator: model::Generator, clock: Clock) -> Self {
        Self {
            users: Users::new(generator.seed),
            seed: generator.seed,
            users_per_run: generator.records_per_interval.get(),
            next: 0,
            remaining: 0,
            clock,
        }
    }

    fn next_page(&mut self) -> Page {
        let count = self.remaining.min(USERS_PER_PAGE);
        let start = self.position();
        let mut body = Vec::with_capacity(count as usize * USER_BYTES);
        let mut records = Vec::with_capacity(count as usize);
        for _ in 0..count {
            body.push(if body.is_empty() { b'[' } else { b',' });
            let first = body.len();
            self.users.write(self.next, &mut body);
            records.push(first..body.len());
            // Wrapping is safe: 2^64 users take half a million years at a million a second.
            self.next = self.next.wrapping_add(1);
        }
        body.push(b']');
        self.remaining -= count;
        Page {
            body,
            records,
            start,
            fetched_at: self.clock.now(),
            position: Some(self.position()),
            restarted: false,
        }
    }

    fn position(&self) -> SourcePosition {
        SavedPosition::Generator(GeneratorPosition { seed: self.seed, next: self.next }).to_saved()
    }
}

impl Source for Generator {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        self.next = match position.map(SavedPosition::parse).transpose()? {
            Some(SavedPosition::Generator(position)) if position.seed == self.seed => position.next,
            Some(_) => {
                info!("the saved position belongs to another source; starting from the first user");
                0
            }
            None => 0,
        };
        self.remaining = self.users_per_run;
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        if self.remaining == 0 {
            return Ok(None);
        }
        // A page takes milliseconds of CPU: other tasks on this thread must get to run in between.
        tokio::task::yield_now().await;
        Ok(Some(self.next_page()))
    }
}

impl From<MalformedPosition> for SourceError {
    fn from(error: MalformedPosition) -> Self {
        Self::Refused { cause: "position", source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(seed: i64, records: u32) -> Generator {
        let model = model::Generator { seed, records_per_interval: records.try_into().unwrap() };
        Generator::new(model, Clock::new(|| 1_700_000_000_000))
    }

    async fn run(generator: &mut Generator, from: Option<&SourcePosition>) -> Vec<Page> {
        generator.begin(from).unwrap();
        let mut pages = Vec::new();
        while let Some(page) = generator.fetch().await.unwrap() {
            pages.push(page);
        }
        pages
    }

    fn uuids(pages: &[Page]) -> Vec<String> {
        let uuid = |record: &[u8]| {
            let record: serde_json::Value = serde_json::from_slice(record).unwrap();
            record["login"]["uuid"].as_str().unwrap().to_owned()
        };
        pages.iter().flat_map(|page| page.records().map(uuid)).collect()
    }

    #[tokio::test]
    async fn next_run_continues_where_the_last_run_stopped() {
        let mut one = generator(1, 3);
        let first = run(&mut one, None).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].fetched_at, 1_700_000_000_000);
        assert_eq!(first[0].position.as_ref().unwrap().0, r#"{"generator":{"seed":1,"next":3}}"#);
        let second = run(&mut generator(1, 3), first[0].position.as_ref()).await;
        let all = run(&mut generator(1, 6), None).await;
        assert_eq!([uuids(&first), uuids(&second)].concat(), uuids(&all));
        assert!(one.fetch().await.unwrap().is_none(), "a finished run stays finished");
    }

    #[tokio::test]
    async fn page_body_is_the_json_array_of_its_records() {
        for page in run(&mut generator(1, 2), None).await {
            let body: Vec<serde_json::Value> = serde_json::from_slice(&page.body).unwrap();
            let records: Vec<serde_json::Value> =
                page.records().map(|record| serde_json::from_slice(record).unwrap()).collect();
            assert_eq!(body, records);
        }
    }

    #[tokio::test]
    async fn large_run_is_split_into_pages_of_bounded_size() {
        let pages = run(&mut generator(1, 2_500), None).await;
        assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        assert!(pages.iter().all(|page| page.body.len() < 1_500_000));
        assert_eq!(uuids(&pages), uuids(&run(&mut generator(1, 2_500), None).await));
        let resumed = run(&mut generator(1, 500), pages[1].position.as_ref()).await;
        assert_eq!(uuids(&resumed), uuids(&pages[2..]));
    }

    #[tokio::test]
    async fn foreign_position_starts_over_and_an_unreadable_one_fails() {
        let mut one = generator(1, 1);
        let first = uuids(&run(&mut one, None).await);
        for other in [r#"{"generator":{"seed":2,"next":9}}"#, r#"{"http":{"source":"ab","at":{"page":3}}}"#] {
            assert_eq!(
                uuids(&run(&mut one, Some(&SourcePosition(other.to_owned()))).await),
                first,
                "{other}"
            );
        }
        let error = one.begin(Some(&SourcePosition("{}".to_owned()))).unwrap_err();
        assert_eq!((error.cause(), error.is_retryable()), ("position", false));
    }

    #[tokio::test]
    async fn sequence_wraps_after_its_last_number() {
        let last = SourcePosition(format!(r#"{{"generator":{{"seed":1,"next":{}}}}}"#, u64::MAX));
        assert_eq!(uuids(&run(&mut generator(1, 2), Some(&last)).await).len(), 2);
    }
}
