//! The saved form of the positions of all kinds of sources.

use serde::{Deserialize, Serialize};

use super::generator::GeneratorPosition;
use super::http::HttpPosition;
use crate::log::SourcePosition;

/// A position tagged with the kind of source it belongs to, because a pipeline's source may change its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SavedPosition {
    Http(HttpPosition),
    Generator(GeneratorPosition),
}

/// A saved position cannot be read. It never counts as absent: the source would start from the first page again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved position cannot be read")]
pub(crate) struct MalformedPosition;

impl SavedPosition {
    /// Reads a saved position.
    pub(super) fn parse(saved: &SourcePosition) -> Result<Self, MalformedPosition> {
        serde_json::from_str(&saved.0).map_err(|_| MalformedPosition)
    }

    /// The position as it is saved.
    pub(super) fn to_saved(&self) -> SourcePosition {
        // Serialization cannot fail: a position has no maps and no foreign implementations of `Serialize`.
        SourcePosition(serde_json::to_string(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_position_reads_back_unchanged() {
        let texts = [
            r#"{"generator":{"seed":-1,"next":50}}"#,
            r#"{"http":{"source":"00000000000000ab","at":{"page":3},"fingerprints":["ffffffffffffffff",null]}}"#,
            r#"{"http":{"source":"00000000000000ab","at":"once"}}"#,
        ];
        for text in texts {
            assert_eq!(SavedPosition::parse(&SourcePosition(text.to_owned())).unwrap().to_saved().0, text);
        }
    }

    #[test]
    fn unreadable_position_is_an_error_not_a_fresh_start() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"http":{}}"#,
            r#"{"http":{"source":"ab"}}"#,
            r#"{"http":{"source":"xyz","at":"once"}}"#,
            r#"{"http":{"source":"ab","at":{"page":-1}}}"#,
            r#"{"http":{"source":"ab","at":{"link":{"index":0,"url":"//x"}}}}"#,
            r#"{"http":{"source":"ab","at":"once","more":1}}"#,
            r#"{"generator":{"seed":1,"next":-1}}"#,
            r#"{"other":{}}"#,
        ] {
            assert_eq!(
                SavedPosition::parse(&SourcePosition(text.to_owned())),
                Err(MalformedPosition),
                "{text}"
            );
        }
    }
}
