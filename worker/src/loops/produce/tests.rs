//! What a run promises while brokers or the source are away. What it promises of records is the simulation's to test.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use super::*;
use crate::log::SourcePosition;
use crate::runtime::shutdown::stop_channel;

const RECORDS: &str = "users";
const LETTERS: &str = "users.dlq";

/// What brokers answer to an append.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Acknowledged,
    Away,
    Nothing,
}

/// Brokers that answer appends to one topic in this way, and take all others.
struct Brokers {
    topic: &'static str,
    answer: Answer,
}

fn away() -> LogError {
    LogError::Unavailable { cause: "connection", source: "all brokers are down".into() }
}

impl Producer for Brokers {
    async fn append(&self, topic: &str, _records: &[Record]) -> Result<(), AppendError> {
        match self.answer {
            Answer::Nothing if topic == self.topic => std::future::pending().await,
            Answer::Away if topic == self.topic => Err(away().into()),
            _ => Ok(()),
        }
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        Ok(None)
    }

    async fn save_position(&self, _position: &SourcePosition) -> Result<(), LogError> {
        Ok(())
    }
}

/// Gives these pages, and an end after each.
struct Pages(RefCell<VecDeque<Result<Option<Page>, SourceError>>>);

impl Source for Pages {
    fn begin(&mut self, _position: Option<&SourcePosition>) -> Result<(), SourceError> {
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        self.0.borrow_mut().pop_front().unwrap_or(Ok(None))
    }
}

fn pages(pages: impl IntoIterator<Item = Result<Option<Page>, SourceError>>) -> Pages {
    Pages(RefCell::new(pages.into_iter().collect()))
}

/// A page of one record.
fn page(body: &str) -> Result<Option<Page>, SourceError> {
    let records = std::iter::once(0..body.len()).collect();
    Ok(Some(Page { body: body.into(), records, fetched_at: 0, position: None }))
}

/// Maps everything but `poison`.
struct Mapping;

impl Transform for Mapping {
    fn transform(&mut self, raw: &[u8], fetched_at: i64) -> Result<Record, Poison> {
        if raw == b"poison" {
            return Err(Poison::new(Stage::Produce, "type", "it is poison"));
        }
        Ok(Record::new(Vec::new(), Some(raw), fetched_at))
    }
}

struct Setting {
    stats: Stats,
    health: Health,
    brokers: Brokers,
}

impl Setting {
    fn new(topic: &'static str, answer: Answer) -> Self {
        Self { stats: Stats::default(), health: Health::default(), brokers: Brokers { topic, answer } }
    }

    fn producing(
        &self,
        source: Pages,
        patience: Option<Duration>,
        stop: StopSignal,
    ) -> Producing<'_, Pages, Brokers, Mapping> {
        Producing {
            source,
            log: &self.brokers,
            transform: Mapping,
            settings: Settings {
                topic: RECORDS.to_owned(),
                on_poison: OnPoison::DeadLetter { topic: LETTERS.to_owned() },
                origin: Origin { topic: RECORDS.to_owned(), pipeline: "demo/users".to_owned() },
                batch: 10,
                patience,
                drain: Duration::from_secs(5),
            },
            stats: &self.stats,
            health: &self.health,
            clock: Clock::new(|| 0),
            jitter: Jitter::seeded(1),
            stop,
        }
    }

    fn missing(&self) -> Vec<Part> {
        self.health.all_missing().into_iter().map(|(part, _)| part).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_it_is_told_to_although_no_append_is_answered() {
    for topic in [RECORDS, LETTERS] {
        let setting = Setting::new(topic, Answer::Nothing);
        let (stopper, stop) = stop_channel();
        let mut producing = setting.producing(pages([page("poison"), page("{}")]), None, stop);
        let told = Duration::from_secs(60);
        let started = Instant::now();
        let (run, ()) = tokio::join!(producing.run_once(), async {
            tokio::time::sleep(told).await;
            stopper.stop(Stop::Now);
        });
        assert_eq!(run.unwrap(), Run::Stopped, "{topic}");
        assert_eq!(started.elapsed(), told + Duration::from_secs(5), "{topic}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_with_patience_does_not_wait_for_a_dead_letter_topic_for_ever() {
    for answer in [Answer::Nothing, Answer::Away] {
        let setting = Setting::new(LETTERS, answer);
        let (_stopper, stop) = stop_channel();
        let patience = Duration::from_secs(300);
        let mut producing = setting.producing(pages([page("poison")]), Some(patience), stop);
        let started = Instant::now();
        let run = producing.run_once().await;
        assert!(matches!(run, Err(ProduceError::DeadLetters(_))), "{run:?}");
        assert_eq!(started.elapsed(), patience);
        assert_eq!(setting.stats.source.dead_lettered.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_says_that_the_log_is_missing_until_it_is_there() {
    let mut setting = Setting::new(RECORDS, Answer::Away);
    let (_stopper, stop) = stop_channel();
    let patience = Some(Duration::from_secs(10));
    let run = setting.producing(pages([page("{}")]), patience, stop.clone()).run_once().await;
    assert!(matches!(run, Err(ProduceError::Log(_))), "{run:?}");
    assert_eq!(setting.missing(), [Part::Log]);
    setting.brokers.answer = Answer::Acknowledged;
    setting.producing(pages([page("{}")]), patience, stop).run_once().await.unwrap();
    assert_eq!(setting.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_producer_says_that_the_source_is_missing_until_it_is_there() {
    let setting = Setting::new(RECORDS, Answer::Acknowledged);
    let (_stopper, stop) = stop_channel();
    let gone = Err(SourceError::Unavailable { cause: "http_503", source: "503".into() });
    let mut producing = setting.producing(pages([gone, page("{}")]), None, stop);
    assert!(producing.run_once().await.is_err());
    assert_eq!(setting.missing(), [Part::Source]);
    producing.run_once().await.unwrap();
    assert_eq!(setting.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_source_with_nothing_to_give_keeps_no_producer_from_being_ready() {
    let setting = Setting::new(RECORDS, Answer::Acknowledged);
    setting.health.missing(Part::Log, "not reached yet");
    let (_stopper, stop) = stop_channel();
    setting.producing(pages([]), None, stop).run_once().await.unwrap();
    assert_eq!(setting.missing(), []);
}
