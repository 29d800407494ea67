//! What a process loop guarantees while brokers are unreachable. The simulation tests its guarantees on records.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::log::{AppendError, Commit, Event, Progress, SourcePosition};
use crate::record::{AsRow, LogRecord, Record};
use crate::runtime::shutdown::shutdown_channel;
use crate::table::WriteError;

/// A log that delivers one record, and whose brokers are unreachable afterwards.
#[derive(Default)]
struct UnreachableAfterOneRecord {
    polls: Rc<Cell<usize>>,
}

impl Consumer for UnreachableAfterOneRecord {
    async fn poll(&mut self, events: &mut Vec<Event>, _max: usize) -> Result<(), LogError> {
        let polls = self.polls.replace(self.polls.get() + 1);
        if polls > 0 {
            return std::future::pending().await;
        }
        let record = Record::new(Vec::new(), Some(b"{}"), 0);
        events.push(Event::Assigned(vec![0.into()]));
        events.push(Event::Record(LogRecord { partition: 0, offset: 0, record }));
        Ok(())
    }

    fn store(&mut self, _partition: i32, _commit: Commit) {}

    async fn commit(&mut self) -> Result<(), LogError> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(LogError::Unavailable { cause: "timed_out", source: "a commit took too long".into() })
    }

    fn pause(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn progress(&self) -> Vec<Progress> {
        Vec::new()
    }

    fn partitions(&self) -> Option<u32> {
        None
    }

    async fn close(mut self) -> Result<(), LogError> {
        self.commit().await
    }
}

/// A producer, a table and a decoder that accept everything.
struct AcceptAll;

impl Producer for AcceptAll {
    async fn append(&self, _topic: &str, _records: &[Record]) -> Result<(), AppendError> {
        Ok(())
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        Ok(None)
    }

    async fn save_position(&self, _position: &SourcePosition) -> Result<(), LogError> {
        Ok(())
    }
}

impl Table for AcceptAll {
    async fn write(&self, _rows: &[impl AsRow]) -> Result<(), WriteError> {
        Ok(())
    }
}

impl Decode for AcceptAll {
    fn decode(&mut self, _row: &mut RecordRow) -> Result<Decoded, RecordError> {
        Ok(Decoded::Filtered)
    }
}

/// Runs a loop whose brokers become unreachable, and requests its end after a minute. Returns how often it polled and
/// how long its end took.
async fn a_minute_without_brokers() -> (usize, Duration) {
    let (handle, shutdown) = shutdown_channel();
    let stats = Stats::default();
    let consumer = UnreachableAfterOneRecord::default();
    let polls = Rc::clone(&consumer.polls);
    let process = ProcessLoop {
        consumer,
        producer: &AcceptAll,
        table: &AcceptAll,
        decode: AcceptAll,
        settings: ProcessSettings {
            error_policy: ErrorPolicy::Fail,
            dead_letters: DeadLetterBuilder { topic: "users".to_owned(), pipeline: "demo/users".to_owned() },
            group_by: Vec::new(),
            max_in_flight: 1,
            max_in_flight_bytes: 1 << 20,
            latency_ceiling: Duration::from_millis(50),
            rate_cap: None,
            commit_interval: Duration::from_millis(300),
            drain: Duration::from_secs(1),
        },
        stats: &stats,
        clock: Clock::new(|| 0),
        jitter: Jitter::seeded(1),
        shutdown,
    };
    let request_shutdown = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        handle.request(Shutdown::Now);
        std::future::pending::<()>().await;
    };
    let started = Instant::now();
    tokio::select! {
        ended = tokio::time::timeout(Duration::from_secs(600), process.run()) => {
            assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
        }
        () = request_shutdown => {}
    }
    let requested_after = Duration::from_secs(60);
    assert!(started.elapsed() >= requested_after, "it ended unasked after {:?}", started.elapsed());
    (polls.get(), started.elapsed() - requested_after)
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_last_commit_only() {
    let (_, took) = a_minute_without_brokers().await;
    assert!(took <= Duration::from_secs(1 + 5), "{took:?}");
}

/// Polling completes rebalances and applies rotated credentials.
#[tokio::test(start_paused = true)]
async fn unanswered_commits_do_not_stop_the_polling() {
    let (polls, _) = a_minute_without_brokers().await;
    assert!(polls > 20, "it has polled {polls} times in a minute");
}
