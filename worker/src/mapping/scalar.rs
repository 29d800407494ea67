//! A single value before its conversion, from JSON or from an expression.

use super::refusal::{Kind, Refusal};
use super::unescape::unescape;

/// A single value before its conversion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar<'a> {
    /// null
    Null,
    /// A boolean.
    Boolean(bool),
    /// The source text of a JSON number.
    Number(&'a str),
    /// Text.
    Text(&'a str),
    /// A computed double, which has no source text.
    Double(f64),
    /// Computed bytes, or those of a key.
    Bytes(&'a [u8]),
    /// A computed timestamp, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// A value that converts to no type.
    Unconvertible(Kind),
}

impl<'a> Scalar<'a> {
    /// The value of a piece of JSON without surrounding space. Text with escapes is unescaped into `unescaped`, which
    /// is None when the document has no escapes.
    #[inline(always)]
    pub(super) fn of_json(json: &'a str, unescaped: Option<&'a mut String>) -> Result<Self, Refusal> {
        Ok(match json.as_bytes().first() {
            Some(b'"') => Self::Text(text(json, unescaped)?),
            Some(b'n') | None => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'{') => Self::Unconvertible(Kind::Object),
            Some(b'[') => Self::Unconvertible(Kind::Array),
            Some(_) => Self::Number(json),
        })
    }

    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Null => None,
            Self::Boolean(_) => Some(Kind::Boolean),
            Self::Number(_) => Some(Kind::Number),
            Self::Text(_) => Some(Kind::Text),
            Self::Double(_) => Some(Kind::Double),
            Self::Bytes(_) => Some(Kind::Bytes),
            Self::Timestamp(_) => Some(Kind::Timestamp),
            Self::Unconvertible(kind) => Some(kind),
        }
    }
}

#[inline(always)]
fn text<'a>(quoted: &'a str, unescaped: Option<&'a mut String>) -> Result<&'a str, Refusal> {
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    match unescaped {
        Some(unescaped) if has_escapes(inside) => {
            unescaped.clear();
            unescape(inside, unescaped).map_err(|_| Refusal::LoneSurrogate)?;
            Ok(unescaped)
        }
        _ => Ok(inside),
    }
}

/// Whether a piece of JSON has escapes.
pub(super) fn has_escapes(json: &str) -> bool {
    json.as_bytes().contains(&b'\\')
}
