//! Output to a terminal: streams, styles, text, tables and the live view of a local run.

pub(crate) mod columns;
mod live_view;
pub(crate) mod logging;
mod metrics;
mod rate;
mod screen;
pub(crate) mod style;
mod text;

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;

pub(crate) use live_view::{LiveView, Title, render};
pub(crate) use metrics::{Metrics, progress_line};
pub(crate) use rate::Rate;
pub(crate) use screen::{LogLines, Screen};
use style::{Attribute, Style};
pub(crate) use text::{clock, count, fit, left, per_second, plural, short_duration, width_of};

/// What standard output and standard error are connected to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Standard output is a terminal that can move its cursor.
    pub(crate) is_interactive: bool,
    /// Standard output and standard error are both terminals, and so share a screen.
    pub(crate) shares_stderr: bool,
    /// Standard output accepts colours.
    pub(crate) coloured: bool,
    /// Standard error accepts colours.
    pub(crate) coloured_stderr: bool,
}

impl Terminal {
    /// Detects the terminal of this process.
    pub(crate) fn of_process(choice: ColorChoice) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stdout = io::stdout().is_terminal();
        let stderr = io::stderr().is_terminal();
        let coloured = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && !set("NO_COLOR"),
        };
        Self {
            is_interactive: stdout && !dumb,
            shares_stderr: stdout && stderr,
            coloured: coloured(stdout),
            coloured_stderr: coloured(stderr),
        }
    }

    /// The label of an error on standard error.
    pub(crate) fn error_label(self) -> String {
        Style(self.coloured_stderr).apply(Attribute::BoldRed, "error:")
    }

    /// Columns and rows; 80 × 24 where the size is unknown.
    pub(crate) fn size() -> (usize, usize) {
        terminal_size::terminal_size()
            .map_or((80, 24), |(width, height)| (usize::from(width.0.max(1)), usize::from(height.0.max(1))))
    }
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to standard error. Ignores a failure, because there is no other stream to report it on.
pub(crate) fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
