//! The positions of all kinds of sources, as they are saved.

use serde::{Deserialize, Serialize};

use super::generator::GeneratorPosition;
use super::http::HttpPosition;
use crate::log::SourcePosition;

/// A saved position, with the kind of source it belongs to: a pipeline may be given another kind of source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Position {
    Http(HttpPosition),
    Generator(GeneratorPosition),
}

/// A saved position cannot be read. It is never taken for none: that would start all over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved position cannot be read")]
pub(crate) struct MalformedPosition;

impl Position {
    /// Reads a saved position.
    pub(super) fn parse(saved: &SourcePosition) -> Result<Self, MalformedPosition> {
        serde_json::from_str(&saved.0).map_err(|_| MalformedPosition)
    }

    /// The position as it is saved.
    pub(super) fn to_saved(&self) -> SourcePosition {
        // Nothing in a position can fail to be written: no maps, no foreign implementations.
        SourcePosition(serde_json::to_string(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_the_same_after_it_was_saved() {
        let texts = [
            r#"{"generator":{"seed":-1,"next":50}}"#,
            r#"{"http":{"source":"00000000000000ab","at":{"page":3},"fingerprints":["ffffffffffffffff",null]}}"#,
            r#"{"http":{"source":"00000000000000ab","at":"once"}}"#,
        ];
        for text in texts {
            assert_eq!(Position::parse(&SourcePosition(text.to_owned())).unwrap().to_saved().0, text);
        }
    }

    #[test]
    fn a_position_that_cannot_be_read_is_an_error_and_not_the_beginning() {
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
            assert_eq!(Position::parse(&SourcePosition(text.to_owned())), Err(MalformedPosition), "{text}");
        }
    }
}
