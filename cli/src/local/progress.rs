//! Shows a run while it goes on: a picture on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use userstream_crds::model::{Pipeline, SourceKind};
use userstream_worker::observe::stats::Stats;

use super::run_limits::{DRAIN, Limit};
use super::sampling::Seen;
use crate::terminal::logging::Logging;
use crate::terminal::{Numbers, Picture, Rate, Screen, Title, clock, frame, progress_line};
use crate::terminal::{Terminal, print, print_error};

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(200);
/// How often a line is printed.
const LINE: Duration = Duration::from_secs(5);

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Onto the screen, as a picture.
    Picture,
    /// Line by line to standard output.
    Lines,
    /// Line by line to standard error: standard output is for a program.
    ErrorLines,
}

/// What is looked at.
pub(super) struct Watch<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) stats: &'a Stats,
    pub(super) seen: &'a Seen,
    pub(super) started: Instant,
    pub(super) limit: Limit,
    /// Set once the run was told to end.
    pub(super) ending: &'a Cell<bool>,
}

impl Watch<'_> {
    /// Shows progress until it is dropped. Output that cannot be written any more ends the showing, not the run.
    pub(super) async fn show(&self, progress: Progress, terminal: Terminal, logging: &Logging) {
        let shown = match progress {
            Progress::Picture => self.draw(terminal, logging).await,
            Progress::Lines => self.print_lines(print).await,
            Progress::ErrorLines => {
                self.print_lines(|line| {
                    print_error(line.trim_end());
                    Ok(())
                })
                .await
            }
        };
        if let Err(error) = shown {
            tracing::warn!(%error, "progress cannot be shown any more");
        }
        std::future::pending::<()>().await;
    }

    async fn draw(&self, terminal: Terminal, logging: &Logging) -> io::Result<()> {
        let log = if terminal.shares_stderr { logging.divert() } else { Default::default() };
        let mut screen = Screen::new(io::stdout(), log);
        let title = title(self.pipeline);
        let (mut read, mut written) = (Rate::default(), Rate::default());
        let mut ticks = tokio::time::interval(FRAME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (elapsed, numbers) = self.look(&mut read, &mut written);
            let (width, height) = Terminal::size();
            let (rows, last_letter, hint) = (self.seen.rows(), self.seen.last_letter(), self.hint());
            let picture = Picture {
                title: &title,
                elapsed,
                numbers: &numbers,
                read: &read,
                written: &written,
                columns: self.seen.columns(),
                rows: &rows,
                last_letter: last_letter.as_deref(),
                hint: &hint,
                coloured: terminal.coloured,
            };
            screen.draw(&frame(&picture, width, height))?;
        }
    }

    async fn print_lines(&self, print: impl Fn(&str) -> io::Result<()>) -> io::Result<()> {
        let (mut read, mut written) = (Rate::default(), Rate::default());
        let mut ticks = tokio::time::interval(FRAME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut printed = Duration::ZERO;
        loop {
            ticks.tick().await;
            let (elapsed, numbers) = self.look(&mut read, &mut written);
            // The first rows are news; from then on time passes.
            if elapsed >= printed + LINE || (printed.is_zero() && numbers.written > 0) {
                printed = elapsed;
                let line = progress_line(&clock(elapsed), &numbers, read.per_second(), written.per_second());
                print(&(line + "\n"))?;
            }
        }
    }

    fn look(&self, read: &mut Rate, written: &mut Rate) -> (Duration, Numbers) {
        let elapsed = self.started.elapsed();
        let numbers = Numbers::of(self.stats, self.pipeline.source.is_some());
        read.look(elapsed, numbers.read);
        written.look(elapsed, numbers.written);
        (elapsed, numbers)
    }

    fn hint(&self) -> String {
        if self.ending.get() {
            return format!(
                "writing what has been read, for {} s at most; Ctrl-C again ends at once",
                DRAIN.as_secs()
            );
        }
        let limit = match self.limit {
            Limit::None => String::new(),
            Limit::Once => "one run; ".to_owned(),
            Limit::For(duration) => format!("until {}; ", clock(duration)),
            Limit::Rows(rows) => format!("until {rows} rows are written; "),
        };
        format!("{limit}Ctrl-C stops the source and writes what has been read")
    }
}

fn title(pipeline: &Pipeline) -> Title {
    let source = pipeline.source.as_ref().map(|source| match &source.kind {
        SourceKind::Http(http) => http.url.host_str().unwrap_or("http").to_owned(),
        SourceKind::Generator(_) => "generator".to_owned(),
    });
    Title {
        pipeline: pipeline.name.to_string(),
        source,
        topic: pipeline.topic.name.to_string(),
        table: format!("{}.{}", pipeline.keyspace.name, pipeline.table.name),
    }
}
