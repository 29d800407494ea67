//! Kills `usp local` with SIGKILL and restarts it, many times. No row may be lost or duplicated.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use support::http::{Answer, Server};
use support::{Running, Workdir, id, person, pipeline};

const PAGES: usize = 12;
const PEOPLE_PER_PAGE: usize = 25;

/// A paginated source that kills its client at chosen requests.
struct KillingSource {
    server: Server,
    client: Arc<Mutex<Option<Pid>>>,
}

/// When the client is killed.
#[derive(Clone, Copy, PartialEq)]
enum Kill {
    /// Before the response.
    Before,
    /// In the middle of the response body.
    Within,
}

impl KillingSource {
    /// Kills the client at each of these requests, counted over all starts.
    fn new(kills: &'static [(usize, Kill)]) -> Self {
        let client: Arc<Mutex<Option<Pid>>> = Arc::default();
        let (killed, count) = (Arc::clone(&client), AtomicUsize::new(0));
        let server = Server::start(move |request| {
            let page: usize = request.split("page=").nth(1).and_then(|page| page.parse().ok()).unwrap();
            let people =
                if page <= PAGES { (page - 1) * PEOPLE_PER_PAGE..page * PEOPLE_PER_PAGE } else { 0..0 };
            let body = format!("[{}]", people.map(person).collect::<Vec<_>>().join(","));
            let number = count.fetch_add(1, Ordering::SeqCst);
            match kills.iter().find(|(at, _)| *at == number) {
                None => Answer::Complete(200, body),
                Some((_, kill)) => {
                    if let Some(process) = *killed.lock().unwrap() {
                        kill_process(process, Signal::KILL).unwrap();
                    }
                    if *kill == Kill::Before { Answer::Complete(200, body) } else { Answer::CutOff(body) }
                }
            }
        });
        Self { server, client }
    }

    fn pipeline(&self) -> String {
        pipeline(&format!(
            "{{http: {{url: \"{}\", interval: 1s, pagination: {{type: Page, parameter: page, first: 1, maxPages: 100}}, rateLimit: {{requests: 1000, per: 1s}}, retry: {{maxAttempts: 3, initialBackoff: 1ms, maxBackoff: 1ms}}}}}}",
            self.server.address()
        ))
    }

    fn set_client(&self, running: &Running) {
        *self.client.lock().unwrap() = Some(running.id());
    }
}

/// Checks that the table has every person once, with the right values, and no other row.
#[track_caller]
fn assert_all_there_once(workdir: &Workdir) {
    let found = workdir.query("shop", "SELECT id, first_name, post_code, dob FROM people ORDER BY id");
    let expected: Vec<Vec<Option<String>>> = (0..PAGES * PEOPLE_PER_PAGE)
        .map(|number| {
            let dob = "1990-01-01T00:00:00.000Z".to_owned();
            vec![Some(id(number)), Some(format!("P{number}")), Some(number.to_string()), Some(dob)]
        })
        .collect();
    let missing: BTreeSet<_> = expected.iter().filter(|row| !found.contains(row)).collect();
    let surplus: BTreeSet<_> = found.iter().filter(|row| !expected.contains(row)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:?}\nnot expected: {surplus:?}");
    assert_eq!(found.len(), expected.len(), "there are duplicate rows");
}

#[test]
fn killed_producer_resumes_at_the_same_page() {
    let source = KillingSource::new(&[
        (0, Kill::Before),
        (1, Kill::Within),
        (4, Kill::Within),
        (5, Kill::Before),
        (9, Kill::Within),
        (13, Kill::Before),
        (17, Kill::Within),
    ]);
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &source.pipeline());
    let mut kills = 0;
    loop {
        let running = workdir.start(["local", &file, "--once"]);
        source.set_client(&running);
        let ended = running.end();
        match ended.code {
            None => kills += 1,
            Some(code) => {
                assert_eq!(code, 0, "{}", ended.stderr);
                break;
            }
        }
    }
    assert_eq!(kills, 7);
    assert_all_there_once(&workdir);
    // An interrupted pagination resumes; it does not restart.
    let first_page = source.server.requests().iter().filter(|target| target.ends_with("page=1")).count();
    assert!(first_page <= 3, "page 1 was requested {first_page} times: {:?}", source.server.requests());
}

/// The length of a file in bytes; 0 while it does not exist.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

#[test]
fn killed_write_to_log_or_table_is_repeated() {
    let source = KillingSource::new(&[]);
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &source.pipeline());
    let data = workdir.path().join("userstream-data");
    let mut kills = 0;
    // SQLite appends every transaction to the -wal file, so its length shows the progress of the process.
    for (name, step) in
        [("log.db-wal", 9_000), ("shop.db-wal", 5_000), ("log.db-wal", 23_000), ("shop.db-wal", 14_000)]
    {
        for kill in 1..=6 {
            let watched = data.join(name);
            let before = length(&watched);
            let mut running = workdir.start(["local", &file, "--once"]);
            // Every start truncates the -wal file.
            while !running.has_ended() {
                let now = length(&watched);
                if now != before && now >= step * kill {
                    running.signal(Signal::KILL);
                    break;
                }
                std::thread::yield_now();
            }
            let ended = running.end();
            match ended.code {
                None => kills += 1,
                Some(code) => assert_eq!(code, 0, "{}", ended.stderr),
            }
        }
    }
    assert!(kills >= 8, "only {kills} of 24 were killed");
    workdir.run(["local", &file, "--once"]).expect(0);
    assert_all_there_once(&workdir);
}
