//! How the worker's process ends: exit codes, and the message that a pod leaves behind.
//!
//! The codes are those of BSD's `sysexits.h` where it has one.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Exit {
    /// Everything was done.
    Ok,
    /// A record broke the pipeline's data policy (`onError: Fail`).
    DataPolicy,
    /// Something the worker depends on was away, or refused it.
    Unavailable,
    /// The configuration cannot be worked with.
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

/// Kubernetes cuts termination messages at this many bytes.
const MOST_MESSAGE_BYTES: usize = 4096;
/// How much of them the sentence may take, before escaping, when there are details too.
const MOST_SENTENCE_BYTES: usize = 1024;

/// What a pod leaves behind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminationMessage<'a, D> {
    /// How the run ended.
    pub outcome: Exit,
    /// Why, in a sentence; empty when everything was done.
    pub message: &'a str,
    /// What the command has to report.
    #[serde(flatten)]
    pub details: D,
}

/// Something that can be told in fewer words.
pub trait Shorten {
    /// Leaves out what matters least of what is left. False when there is nothing more to leave out.
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
    /// Writes the message as JSON that fits: with as much of the sentence and of the details as there is room for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.text()?)
    }

    fn text(mut self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self)?;
        if text.len() > MOST_MESSAGE_BYTES {
            self.message = cut(self.message, MOST_SENTENCE_BYTES);
            text = serde_json::to_string(&self)?;
        }
        while text.len() > MOST_MESSAGE_BYTES && self.details.shorten() {
            text = serde_json::to_string(&self)?;
        }
        // Names are bounded, so that nothing of this comes to pass; a message cut in its middle would be none.
        let mut message = self.message;
        while text.len() > MOST_MESSAGE_BYTES {
            text =
                serde_json::to_string(&TerminationMessage { outcome: self.outcome, message, details: () })?;
            message = cut(message, message.len() / 2);
        }
        Ok(text)
    }
}

/// The beginning of a text, of so many bytes at most.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
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
    fn a_message_fits_whatever_it_has_to_say() {
        for (sentence, count) in [(0, 0), (10, 10), (500, 500), (500, 0), (100_000, 0), (100_000, 1_000)] {
            let message = "ü\"".repeat(sentence);
            let details = Lines { lines: vec!["a line"; count] };
            let text =
                TerminationMessage { outcome: Exit::Unavailable, message: &message, details }.text().unwrap();
            assert!(text.len() <= MOST_MESSAGE_BYTES, "{} bytes", text.len());
            let told: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(told["outcome"], "Unavailable");
            assert_eq!(told["message"].as_str().unwrap().is_empty(), sentence == 0);
            assert_eq!(told["lines"].as_array().unwrap().is_empty(), count == 0, "{text}");
        }
    }
}
