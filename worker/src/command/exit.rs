//! Exit codes and the termination message of the worker's process.
//!
//! The codes are those of BSD's `sysexits.h`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Exit {
    /// Success.
    Ok,
    /// A record violates the pipeline's data policy (`onError: Fail`).
    DataPolicy,
    /// A server that the worker depends on is unavailable, or refuses.
    Unavailable,
    /// The configuration is invalid.
    Config,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::DataPolicy => 65,
            Self::Unavailable => 69,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Kubernetes truncates termination messages to this many bytes.
const MAX_MESSAGE_BYTES: usize = 4096;
/// Bytes of the sentence before escaping, at most, when there are details.
const MAX_SENTENCE_BYTES: usize = 1024;

/// The termination message of a pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminationMessage<'a, D> {
    /// The outcome of the run.
    pub outcome: Exit,
    /// Why, in a sentence. Empty on success.
    pub message: &'a str,
    /// The report of the command.
    #[serde(flatten)]
    pub details: D,
}

/// A report that can be shortened.
pub trait Shorten {
    /// Drops the least important part that is left. False when nothing more can be dropped.
    fn shorten(&mut self) -> bool;
}

impl Shorten for () {
    fn shorten(&mut self) -> bool {
        false
    }
}

impl<D: Shorten> Shorten for Option<D> {
    fn shorten(&mut self) -> bool {
        self.as_mut().is_some_and(Shorten::shorten)
    }
}

impl<D: Serialize + Shorten> TerminationMessage<'_, D> {
    /// Writes the message as JSON that fits, with as much of the sentence and of the details as possible.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.text()?)
    }

    fn text(mut self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self)?;
        if text.len() > MAX_MESSAGE_BYTES {
            self.message = cut(self.message, MAX_SENTENCE_BYTES);
            text = serde_json::to_string(&self)?;
        }
        while text.len() > MAX_MESSAGE_BYTES && self.details.shorten() {
            text = serde_json::to_string(&self)?;
        }
        // Truncated JSON would be unreadable, so the sentence shrinks further if the details alone do not fit.
        let mut message = self.message;
        while text.len() > MAX_MESSAGE_BYTES {
            text =
                serde_json::to_string(&TerminationMessage { outcome: self.outcome, message, details: () })?;
            message = cut(message, message.len() / 2);
        }
        Ok(text)
    }
}

/// The beginning of a text, of at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Lines {
        lines: Vec<&'static str>,
    }

    impl Shorten for Lines {
        fn shorten(&mut self) -> bool {
            self.lines.pop().is_some()
        }
    }

    #[test]
    fn termination_message_always_fits() {
        for (sentence, count) in [(0, 0), (10, 10), (500, 500), (500, 0), (100_000, 0), (100_000, 1_000)] {
            let message = "ü\"".repeat(sentence);
            let details = Lines { lines: vec!["a line"; count] };
            let text =
                TerminationMessage { outcome: Exit::Unavailable, message: &message, details }.text().unwrap();
            assert!(text.len() <= MAX_MESSAGE_BYTES, "{} bytes", text.len());
            let message: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message["outcome"], "Unavailable");
            assert_eq!(message["message"].as_str().unwrap().is_empty(), sentence == 0);
            assert_eq!(message["lines"].as_array().unwrap().is_empty(), count == 0, "{text}");
        }
    }
}
