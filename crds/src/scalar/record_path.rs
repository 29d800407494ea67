//! Dot paths into a JSON document: `results.0.name`.

use std::fmt;
use std::str::FromStr;

/// A path into a JSON document: at least one segment, separated by dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordPath {
    segments: Box<[Segment]>,
}

/// A segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A member of an object.
    Name(Box<str>),
    /// An element of an array, from 0; in an object, the member whose name is this number.
    Index(usize),
}

/// Why a text is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordPathError {
    /// A segment is empty.
    #[error("a path must have names or numbers with single dots between them, for example results.0.name")]
    EmptySegment,
    /// It has the syntax of JSONPath.
    #[error("JSONPath is not supported: write results.0.name, not $.results[0].name")]
    JsonPath,
    /// It has more than 32 segments.
    #[error("a path must have at most 32 segments")]
    TooDeep,
}

const MAX_SEGMENTS: usize = 32;

impl RecordPath {
    /// The segments, from the outside in. There is at least one.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The path of a top-level field.
    #[must_use]
    pub fn of_field(name: &crate::scalar::identifier::Identifier) -> Self {
        Self { segments: [Segment::Name(name.as_str().into())].into() }
    }
}

impl FromStr for RecordPath {
    type Err = RecordPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with('$') || text.contains(['[', ']']) {
            return Err(RecordPathError::JsonPath);
        }
        let segments: Box<[Segment]> = text.split('.').map(segment).collect::<Result<_, _>>()?;
        if segments.len() > MAX_SEGMENTS {
            return Err(RecordPathError::TooDeep);
        }
        Ok(Self { segments })
    }
}

fn segment(text: &str) -> Result<Segment, RecordPathError> {
    if text.is_empty() {
        return Err(RecordPathError::EmptySegment);
    }
    // `01` is a name, since an index would be printed as `1`.
    let canonical = text == "0" || !text.starts_with('0');
    match text.parse::<usize>() {
        Ok(index) if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Segment::Index(index)),
        _ => Ok(Segment::Name(text.into())),
    }
}

impl fmt::Display for RecordPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            match segment {
                Segment::Name(name) => f.write_str(name)?,
                Segment::Index(index) => write!(f, "{index}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        text.parse::<RecordPath>().unwrap().segments().to_vec()
    }

    fn name(name: &str) -> Segment {
        Segment::Name(name.into())
    }

    #[test]
    fn path_is_names_and_indexes() {
        assert_eq!(segments("results.0.name"), [name("results"), Segment::Index(0), name("name")]);
        assert_eq!(segments("a"), [name("a")]);
        assert_eq!(segments("a b.c-d.\u{e4}"), [name("a b"), name("c-d"), name("\u{e4}")]);
        assert_eq!(segments("10.01.+1"), [Segment::Index(10), name("01"), name("+1")]);
        assert_eq!(segments("99999999999999999999999"), [name("99999999999999999999999")]);
    }

    #[test]
    fn malformed_path_is_refused_with_the_reason() {
        for (text, error) in [
            ("", RecordPathError::EmptySegment),
            (".a", RecordPathError::EmptySegment),
            ("a.", RecordPathError::EmptySegment),
            ("a..b", RecordPathError::EmptySegment),
            ("$.a", RecordPathError::JsonPath),
            ("a[0]", RecordPathError::JsonPath),
        ] {
            assert_eq!(text.parse::<RecordPath>(), Err(error), "{text:?}");
        }
        assert!(vec!["a"; 32].join(".").parse::<RecordPath>().is_ok());
        assert_eq!(vec!["a"; 33].join(".").parse::<RecordPath>(), Err(RecordPathError::TooDeep));
    }

    proptest! {
        #[test]
        fn path_is_printed_as_written(text in "([a-z0-9_+ -]{1,5}\\.){0,8}[a-z0-9_]{1,5}") {
            prop_assert_eq!(text.parse::<RecordPath>().unwrap().to_string(), text);
        }
    }
}
