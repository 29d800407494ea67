//! What standard output and standard error are connected to, and what may be sent there.

pub(crate) mod columns;
mod live_view;
pub(crate) mod logging;
mod metrics;
mod rate;
mod screen;
#[cfg(feature = "cluster")]
pub(crate) mod style;
mod text;

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;

pub(crate) use live_view::{LiveView, Title, render};
pub(crate) use metrics::{Metrics, progress_line};
pub(crate) use rate::Rate;
pub(crate) use screen::{LogLines, Screen};
pub(crate) use text::{clock, count, fit, left, per_second, short_duration, width_of};

/// Where output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Standard output is a terminal.
    pub(crate) is_interactive: bool,
    /// Standard error is one too, so that both share a screen.
    pub(crate) shares_stderr: bool,
    /// Colours may be sent to standard output.
    pub(crate) coloured: bool,
    /// Colours may be sent to standard error.
    pub(crate) coloured_stderr: bool,
}

impl Terminal {
    /// Looks at where output goes.
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

    /// What stands before an error on standard error.
    pub(crate) fn error_label(self) -> &'static str {
        if self.coloured_stderr { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" }
    }

    /// Columns and rows. Where they are not known, those of a terminal as it always was.
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

/// Writes a line to standard error. Where that is gone, nobody can be told.
pub(crate) fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
