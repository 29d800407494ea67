//! Users made up on the spot: a source without a network.

mod nations;
mod users;
mod writer;

use serde::{Deserialize, Serialize};
use tracing::info;
use userstream_crds::model;

use super::position::{MalformedPosition, Position};
use super::{Page, Source, SourceError};
use crate::log::SourcePosition;
use crate::runtime::clock::Clock;

pub use self::users::Users;

/// The most users in one page; a run with more has more pages. Bounds the memory of a page at about 1.2 MB.
const USERS_PER_PAGE: u32 = 1_000;

/// What is reserved for a user, in bytes: a little more than the average.
const USER_BYTES: usize = 1_250;

/// The generator as a source: each run makes so many users and goes on where the last one stopped.
#[derive(Debug)]
pub struct Generator {
    users: Users,
    seed: i64,
    users_per_run: u32,
    next: u64,
    left: u32,
    clock: Clock,
}

/// Where a sequence of users goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GeneratorPosition {
    /// Whose sequence.
    seed: i64,
    /// The number of the next user.
    next: u64,
}

impl Generator {
    /// A generator as a pipeline describes it.
    pub fn new(generator: model::Generator, clock: Clock) -> Self {
        Self {
            users: Users::new(generator.seed),
            seed: generator.seed,
            users_per_run: generator.records_per_interval.get(),
            next: 0,
            left: 0,
            clock,
        }
    }

    /// The next page of the run.
    fn page(&mut self) -> Page {
        let count = self.left.min(USERS_PER_PAGE);
        let mut body = Vec::with_capacity(count as usize * USER_BYTES);
        let mut records = Vec::with_capacity(count as usize);
        for _ in 0..count {
            body.push(if body.is_empty() { b'[' } else { b',' });
            let start = body.len();
            self.users.write(self.next, &mut body);
            records.push(start..body.len());
            // Nobody will ever see the sequence start again.
            self.next = self.next.wrapping_add(1);
        }
        body.push(b']');
        self.left -= count;
        let position = Position::Generator(GeneratorPosition { seed: self.seed, next: self.next });
        Page { body, records, fetched_at: self.clock.now(), position: Some(position.to_saved()) }
    }
}

impl Source for Generator {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        self.next = match position.map(Position::parse).transpose()? {
            Some(Position::Generator(position)) if position.seed == self.seed => position.next,
            Some(_) => {
                info!("the saved position is that of another source: starting at the beginning");
                0
            }
            None => 0,
        };
        self.left = self.users_per_run;
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        if self.left == 0 {
            return Ok(None);
        }
        // A large run makes pages for milliseconds on end: let others have a turn in between.
        tokio::task::yield_now().await;
        Ok(Some(self.page()))
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
    async fn a_run_makes_the_records_of_an_interval_and_the_next_goes_on_behind_them() {
        let mut one = generator(1, 3);
        let first = run(&mut one, None).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].fetched_at, 1_700_000_000_000);
        assert_eq!(first[0].position.as_ref().unwrap().0, r#"{"generator":{"seed":1,"next":3}}"#);
        let second = run(&mut generator(1, 3), first[0].position.as_ref()).await;
        let all = run(&mut generator(1, 6), None).await;
        assert_eq!([uuids(&first), uuids(&second)].concat(), uuids(&all));
        assert!(one.fetch().await.unwrap().is_none(), "the run stays over");
    }

    #[tokio::test]
    async fn the_body_of_a_page_is_the_array_of_its_records() {
        for page in run(&mut generator(1, 2), None).await {
            let body: Vec<serde_json::Value> = serde_json::from_slice(&page.body).unwrap();
            let records: Vec<serde_json::Value> =
                page.records().map(|record| serde_json::from_slice(record).unwrap()).collect();
            assert_eq!(body, records);
        }
    }

    #[tokio::test]
    async fn a_large_run_comes_in_pages_of_bounded_size() {
        let pages = run(&mut generator(1, 2_500), None).await;
        assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        assert!(pages.iter().all(|page| page.body.len() < 1_500_000));
        assert_eq!(uuids(&pages), uuids(&run(&mut generator(1, 2_500), None).await));
        let resumed = run(&mut generator(1, 500), pages[1].position.as_ref()).await;
        assert_eq!(uuids(&resumed), uuids(&pages[2..]));
    }

    #[tokio::test]
    async fn the_position_of_another_source_is_the_beginning_but_one_that_cannot_be_read_is_an_error() {
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
    async fn the_sequence_outlives_its_last_number() {
        let last = SourcePosition(format!(r#"{{"generator":{{"seed":1,"next":{}}}}}"#, u64::MAX));
        assert_eq!(uuids(&run(&mut generator(1, 2), Some(&last)).await).len(), 2);
    }
}
