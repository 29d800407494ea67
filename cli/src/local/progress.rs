//! Shows a run while it goes on: a picture on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use userstream_crds::model::{Pipeline, SourceKind};
use userstream_worker::observe::stats::Stats;

use super::run_limits::{DRAIN_TIMEOUT, RunLimit};
use super::sampling::Samples;
use crate::terminal::logging::Logging;
use crate::terminal::{LiveView, Metrics, Rate, Screen, Title, clock, progress_line, render};
use crate::terminal::{Terminal, print, print_error};

/// How often the picture is drawn.
const FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// How often a line is printed.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Onto the screen, as a picture.
    LiveView,
    /// Line by line to standard output.
    Lines,
    /// Line by line to standard error: standard output is for a program.
    ErrorLines,
}

/// What is looked at.
pub(super) struct ProgressReporter<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) stats: &'a Stats,
    pub(super) samples: &'a Samples,
    pub(super) started: Instant,
    pub(super) limit: RunLimit,
    /// Set once the run was told to end.
    pub(super) ending: &'a Cell<bool>,
}

impl ProgressReporter<'_> {
    /// Shows progress until it is dropped. Output that cannot be written any more ends the showing, not the run.
    pub(super) async fn show(&self, progress: Progress, terminal: Terminal, logging: &Logging) {
        let shown = match progress {
            Progress::LiveView => self.draw(terminal, logging).await,
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
        let mut ticks = tokio::time::interval(FRAME_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (elapsed, metrics) = self.sample(&mut read, &mut written);
            let (width, height) = Terminal::size();
            let (rows, last_dead_letter, hint) =
                (self.samples.rows(), self.samples.last_dead_letter(), self.hint());
            let view = LiveView {
                title: &title,
                elapsed,
                metrics: &metrics,
                read: &read,
                written: &written,
                columns: self.samples.columns(),
                rows: &rows,
                last_dead_letter: last_dead_letter.as_deref(),
                hint: &hint,
                coloured: terminal.coloured,
            };
            screen.draw(&render(&view, width, height))?;
        }
    }

    async fn print_lines(&self, print: impl Fn(&str) -> io::Result<()>) -> io::Result<()> {
        let (mut read, mut written) = (Rate::default(), Rate::default());
        let mut ticks = tokio::time::interval(FRAME_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut printed = Duration::ZERO;
        loop {
            ticks.tick().await;
            let (elapsed, metrics) = self.sample(&mut read, &mut written);
            // The first rows are news; from then on time passes.
            if elapsed >= printed + LINE_INTERVAL || (printed.is_zero() && metrics.written > 0) {
                printed = elapsed;
                let line = progress_line(&clock(elapsed), &metrics, read.per_second(), written.per_second());
                print(&(line + "\n"))?;
            }
        }
    }

    fn sample(&self, read: &mut Rate, written: &mut Rate) -> (Duration, Metrics) {
        let elapsed = self.started.elapsed();
        let metrics = Metrics::from_stats(self.stats, self.pipeline.source.is_some());
        read.record(elapsed, metrics.read);
        written.record(elapsed, metrics.written);
        (elapsed, metrics)
    }

    fn hint(&self) -> String {
        if self.ending.get() {
            return format!(
                "writing what has been read, for {} s at most; Ctrl-C again ends at once",
                DRAIN_TIMEOUT.as_secs()
            );
        }
        let limit = match self.limit {
            RunLimit::None => String::new(),
            RunLimit::Once => "one run; ".to_owned(),
            RunLimit::For(duration) => format!("until {}; ", clock(duration)),
            RunLimit::Rows(rows) => format!("until {rows} rows are written; "),
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
