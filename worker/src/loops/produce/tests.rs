//! What a run guarantees while brokers or the source are unavailable. The simulation tests its guarantees on records.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use super::*;
use crate::delivery::dead_letter::Stage;
use crate::log::{AppendError, SourcePosition};
use crate::runtime::shutdown::shutdown_channel;
use crate::source::Page;

const RECORDS: &str = "users";
const LETTERS: &str = "users.dlq";

/// The reply of brokers to an append.
#[derive(Clone, Copy, PartialEq)]
enum Reply {
    Acknowledged,
    Unavailable,
    None,
}

/// Brokers with this reply to appends to one topic. They acknowledge all others.
struct Brokers {
    topic: &'static str,
    reply: Reply,
}

fn unavailable() -> LogError {
    LogError::Unavailable { cause: "connection", source: "all brokers are down".into() }
}

impl Producer for Brokers {
    async fn append(&self, topic: &str, _records: &[Record]) -> Result<(), AppendError> {
        match self.reply {
            Reply::None if topic == self.topic => std::future::pending().await,
            Reply::Unavailable if topic == self.topic => Err(unavailable().into()),
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

/// A source of these pages.
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
    let start = SourcePosition("once".to_owned());
    Ok(Some(Page { body: body.into(), records, start, fetched_at: 0, position: None, restarted: false }))
}

/// Maps everything but `bad`.
struct Mapping;

impl Transform for Mapping {
    fn transform(&mut self, raw: &[u8], fetched_at: i64, _id: EventId) -> Result<Record, RecordError> {
        if raw == b"bad" {
            return Err(RecordError::new(Stage::Produce, "type", "it is bad"));
        }
        Ok(Record::new(Vec::new(), Some(raw), fetched_at))
    }
}

struct Fixture {
    stats: Stats,
    health: Health,
    brokers: Brokers,
}

impl Fixture {
    fn new(topic: &'static str, reply: Reply) -> Self {
        Self { stats: Stats::default(), health: Health::default(), brokers: Brokers { topic, reply } }
    }

    fn produce_loop(
        &self,
        source: Pages,
        patience: Option<Duration>,
        shutdown: ShutdownSignal,
    ) -> ProduceLoop<'_, Pages, Brokers, Mapping> {
        ProduceLoop {
            source,
            log: &self.brokers,
            transform: Mapping,
            settings: ProduceSettings {
                topic: RECORDS.to_owned(),
                error_policy: ErrorPolicy::DeadLetter { topic: LETTERS.to_owned() },
                dead_letters: DeadLetterBuilder {
                    topic: RECORDS.to_owned(),
                    pipeline: "demo/users".to_owned(),
                },
                batch: 10,
                patience,
                drain: Duration::from_secs(5),
            },
            stats: &self.stats,
            health: &self.health,
            clock: Clock::new(|| 0),
            jitter: Jitter::seeded(1),
            shutdown,
        }
    }

    fn missing(&self) -> Vec<Component> {
        self.health.unready().into_iter().map(|(part, _)| part).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_run_whose_append_is_not_answered() {
    for topic in [RECORDS, LETTERS] {
        let fixture = Fixture::new(topic, Reply::None);
        let (handle, shutdown) = shutdown_channel();
        let mut produce = fixture.produce_loop(pages([page("bad"), page("{}")]), None, shutdown);
        let requested = Duration::from_secs(60);
        let started = Instant::now();
        let (run, ()) = tokio::join!(produce.run_once(), async {
            tokio::time::sleep(requested).await;
            handle.request(Shutdown::Now);
        });
        assert_eq!(run.unwrap(), Run::Stopped, "{topic}");
        assert_eq!(started.elapsed(), requested + Duration::from_secs(5), "{topic}");
    }
}

#[tokio::test(start_paused = true)]
async fn run_with_patience_fails_when_dead_letters_cannot_be_appended() {
    for reply in [Reply::None, Reply::Unavailable] {
        let fixture = Fixture::new(LETTERS, reply);
        let (_handle, shutdown) = shutdown_channel();
        let patience = Duration::from_secs(300);
        let mut produce = fixture.produce_loop(pages([page("bad")]), Some(patience), shutdown);
        let started = Instant::now();
        let run = produce.run_once().await;
        assert!(matches!(run, Err(ProduceError::DeadLetters(_))), "{run:?}");
        assert_eq!(started.elapsed(), patience);
        assert_eq!(fixture.stats.source.dead_lettered.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn producer_is_not_ready_while_the_log_is_unavailable() {
    let mut fixture = Fixture::new(RECORDS, Reply::Unavailable);
    let (_handle, shutdown) = shutdown_channel();
    let patience = Some(Duration::from_secs(10));
    let run = fixture.produce_loop(pages([page("{}")]), patience, shutdown.clone()).run_once().await;
    assert!(matches!(run, Err(ProduceError::Log(_))), "{run:?}");
    assert_eq!(fixture.missing(), [Component::Log]);
    fixture.brokers.reply = Reply::Acknowledged;
    fixture.produce_loop(pages([page("{}")]), patience, shutdown).run_once().await.unwrap();
    assert_eq!(fixture.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn producer_is_not_ready_while_the_source_is_unavailable() {
    let fixture = Fixture::new(RECORDS, Reply::Acknowledged);
    let (_handle, shutdown) = shutdown_channel();
    let gone = Err(SourceError::Unavailable { cause: "http_503", source: "503".into() });
    let mut produce = fixture.produce_loop(pages([gone, page("{}")]), None, shutdown);
    assert!(produce.run_once().await.is_err());
    assert_eq!(fixture.missing(), [Component::Source]);
    produce.run_once().await.unwrap();
    assert_eq!(fixture.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn producer_of_an_empty_source_is_ready() {
    let fixture = Fixture::new(RECORDS, Reply::Acknowledged);
    fixture.health.set_unready(Component::Log, "not reached yet");
    let (_handle, shutdown) = shutdown_channel();
    fixture.produce_loop(pages([]), None, shutdown).run_once().await.unwrap();
    assert_eq!(fixture.missing(), []);
}
