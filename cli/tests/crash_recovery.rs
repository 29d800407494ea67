//! `usp local` is killed, again and again, and started again. Nothing may be lost, and nothing be there twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
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

/// A source of pages that shoots at its reader at chosen requests.
struct Sniper {
    server: Server,
    target: Arc<Mutex<Option<Pid>>>,
}

/// When the reader is shot.
#[derive(Clone, Copy, PartialEq)]
enum Shot {
    /// Before the answer.
    Before,
    /// In the middle of the body.
    Within,
}

impl Sniper {
    /// Shoots once at each of these requests, counted over all starts.
    fn new(shots: &'static [(usize, Shot)]) -> Self {
        let target: Arc<Mutex<Option<Pid>>> = Arc::default();
        let (aim, count) = (Arc::clone(&target), AtomicUsize::new(0));
        let server = Server::start(move |request| {
            let page: usize = request.split("page=").nth(1).and_then(|page| page.parse().ok()).unwrap();
            let people =
                if page <= PAGES { (page - 1) * PEOPLE_PER_PAGE..page * PEOPLE_PER_PAGE } else { 0..0 };
            let body = format!("[{}]", people.map(person).collect::<Vec<_>>().join(","));
            let number = count.fetch_add(1, Ordering::SeqCst);
            match shots.iter().find(|(at, _)| *at == number) {
                None => Answer::Complete(200, body),
                Some((_, shot)) => {
                    if let Some(process) = *aim.lock().unwrap() {
                        kill_process(process, Signal::KILL).unwrap();
                    }
                    if *shot == Shot::Before { Answer::Complete(200, body) } else { Answer::CutOff(body) }
                }
            }
        });
        Self { server, target }
    }

    fn pipeline(&self) -> String {
        pipeline(&format!(
            "{{http: {{url: \"{}\", interval: 1s, pagination: {{type: Page, parameter: page, first: 1, maxPages: 100}}, rateLimit: {{requests: 1000, per: 1s}}, retry: {{maxAttempts: 3, initialBackoff: 1ms, maxBackoff: 1ms}}}}}}",
            self.server.address()
        ))
    }

    fn aim_at(&self, running: &Running) {
        *self.target.lock().unwrap() = Some(running.id());
    }
}

/// Every person once, with the right values, and nobody else.
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
    assert_eq!(found.len(), expected.len(), "some are there twice");
}

#[test]
fn killed_while_it_reads_a_page_it_goes_on_with_that_page() {
    let sniper = Sniper::new(&[
        (0, Shot::Before),
        (1, Shot::Within),
        (4, Shot::Within),
        (5, Shot::Before),
        (9, Shot::Within),
        (13, Shot::Before),
        (17, Shot::Within),
    ]);
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &sniper.pipeline());
    let mut kills = 0;
    loop {
        let running = workdir.start(["local", &file, "--once"]);
        sniper.aim_at(&running);
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
    // A walk that was interrupted goes on; it does not begin again.
    let first_page = sniper.server.requests().iter().filter(|target| target.ends_with("page=1")).count();
    assert!(first_page <= 3, "page 1 was asked for {first_page} times: {:?}", sniper.server.requests());
}

/// How many bytes a file has; none while it is not there.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

#[test]
fn killed_while_it_writes_the_log_or_the_table_it_goes_on() {
    let sniper = Sniper::new(&[]);
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &sniper.pipeline());
    let data = workdir.path().join("userstream-data");
    let mut kills = 0;
    // SQLite appends every transaction to the file's -wal, so its length says how far the process has come.
    for (name, step) in
        [("log.db-wal", 9_000), ("shop.db-wal", 5_000), ("log.db-wal", 23_000), ("shop.db-wal", 14_000)]
    {
        for shot in 1..=6 {
            let watched = data.join(name);
            let before = length(&watched);
            let mut running = workdir.start(["local", &file, "--once"]);
            // The log of transactions begins anew with every start.
            while !running.has_ended() {
                let now = length(&watched);
                if now != before && now >= step * shot {
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
