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

impl<D: Serialize> TerminationMessage<'_, D> {
    /// Writes the message as JSON; without the details when they are too long, and with as much of the sentence as fits.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string(self)?;
        let mut message = self.message;
        while text.len() > MOST_MESSAGE_BYTES {
            text =
                serde_json::to_string(&TerminationMessage { outcome: self.outcome, message, details: () })?;
            let half = message.len() / 2;
            let cut = (0..=half).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
            message = message.get(..cut).unwrap_or_default();
        }
        std::fs::write(path, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_whatever_it_has_to_say() {
        let path = std::env::temp_dir().join(format!("userstream-termination-{}", std::process::id()));
        for length in [0, 10, 4_000, 5_000, 100_000] {
            let message = "ü\"".repeat(length);
            let details = serde_json::json!({ "plan": vec!["a line"; length] });
            TerminationMessage { outcome: Exit::Unavailable, message: &message, details }
                .write(&path)
                .unwrap();
            let written = std::fs::read_to_string(&path).unwrap();
            assert!(written.len() <= MOST_MESSAGE_BYTES, "{} bytes", written.len());
            let written: serde_json::Value = serde_json::from_str(&written).unwrap();
            assert_eq!(written["outcome"], "Unavailable");
        }
        std::fs::remove_file(path).unwrap();
    }
}
