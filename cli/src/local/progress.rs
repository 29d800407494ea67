//! Shows the progress of a run: a live view on a terminal, or a line every few seconds.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use userstream_crds::model::{Pipeline, SourceKind};
use userstream_worker::observe::stats::Stats;

use super::run_limits::{DRAIN_TIMEOUT, RunLimit};
use super::sampling::Samples;
use crate::terminal::logging::Logging;
use crate::terminal::{LiveView, Metrics, Rate, Screen, Title, clock, plural, progress_line, render};
use crate::terminal::{Terminal, print, print_error};

/// The interval of frames.
const FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// The interval of lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// As a live view on the terminal.
    LiveView,
    /// As lines on standard output.
    Lines,
    /// As lines on standard error, because standard output has JSON only.
    ErrorLines,
}

/// Reports the progress of a run.
pub(super) struct ProgressReporter<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) stats: &'a Stats,
    pub(super) samples: &'a Samples,
    pub(super) started: Instant,
    pub(super) limit: RunLimit,
    /// Whether the run is draining.
    pub(super) draining: &'a Cell<bool>,
}

impl ProgressReporter<'_> {
    /// Shows progress until the future is dropped. A write error ends the reports, not the run.
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
            tracing::warn!(%error, "cannot write progress; the run continues without it");
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
            // The first line follows the first rows, so that a short run prints one.
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
        if self.draining.get() {
            return format!(
                "writing the records already read, for at most {} s; Ctrl-C again aborts",
                DRAIN_TIMEOUT.as_secs()
            );
        }
        let limit = match self.limit {
            RunLimit::None => String::new(),
            RunLimit::Once => "one run; ".to_owned(),
            RunLimit::For(duration) => format!("until {}; ", clock(duration)),
            RunLimit::Rows(rows) => format!("until {} written; ", plural(rows.get(), "row")),
        };
        format!("{limit}Ctrl-C stops the source and writes the records already read")
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
