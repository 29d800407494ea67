//! Splits a body into records, as byte ranges: nothing is copied and no tree is built.

use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use userstream_crds::record_path::{RecordPath, Segment};

/// The deepest nesting of a body, which is also the mapper's limit.
pub(crate) const MAX_DEPTH: usize = 128;
/// The largest record, in bytes. The mapped record is usually far smaller.
pub(crate) const MAX_RECORD_BYTES: usize = 8 << 20;
/// The largest number of records in a body, which bounds the memory for a body such as `[1,1,1,…]`.
pub(crate) const MAX_RECORDS: usize = 500_000;

/// Why a body cannot be split into records. Names positions in the body, never its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SplitError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Of the first bad byte.
        offset: usize,
    },
    /// The text is not one JSON value.
    #[error("the body is not JSON at line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Nested beyond [`MAX_DEPTH`].
    #[error("the body is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// The body has no value at the records path.
    #[error("the body has no value at recordsPath")]
    PathMissing,
    /// The value at the records path is neither an array nor null.
    #[error("the value at recordsPath in the body is not an array")]
    PathNotArray,
    /// Without a records path, the body is neither an object nor an array.
    #[error("the body is neither a record nor an array of records")]
    NotRecords,
    /// Larger than [`MAX_RECORD_BYTES`].
    #[error("record {index} of the body is larger than {MAX_RECORD_BYTES} bytes")]
    RecordTooLarge {
        /// Counted from 0.
        index: usize,
    },
    /// More than [`MAX_RECORDS`].
    #[error("the body holds more than {MAX_RECORDS} records")]
    TooManyRecords,
}

/// A body that is one JSON value in UTF-8, nested at most [`MAX_DEPTH`] levels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'body> {
    root: &'body RawValue,
    text: &'body str,
}

impl<'body> Document<'body> {
    /// Parses a body.
    pub(crate) fn parse(body: &'body [u8]) -> Result<Self, SplitError> {
        let text =
            std::str::from_utf8(body).map_err(|error| SplitError::NotUtf8 { offset: error.valid_up_to() })?;
        if depth(text) > MAX_DEPTH {
            return Err(SplitError::TooDeep);
        }
        let root = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        Ok(Self { root, text })
    }

    /// The byte ranges of the records in the body. Without a path, the body is one record or an array of records.
    ///
    /// Null at the path counts as an empty array, because many APIs send it for one.
    pub(crate) fn records(&self, path: Option<&RecordPath>) -> Result<Vec<Range<usize>>, SplitError> {
        let (raw, wrong_type) = match path {
            None => (self.root, SplitError::NotRecords),
            Some(path) => (self.at(path)?.ok_or(SplitError::PathMissing)?, SplitError::PathNotArray),
        };
        match raw.get().as_bytes().first() {
            Some(b'[') => elements(self.text, raw),
            Some(b'{') if path.is_none() => Ok(vec![span(self.text, raw, 0)?]),
            Some(b'n') if path.is_some() => Ok(Vec::new()),
            _ => Err(wrong_type),
        }
    }

    /// The value at a path, if there is one. Of duplicate members, the last one counts.
    pub(crate) fn at(&self, path: &RecordPath) -> Result<Option<&'body RawValue>, SplitError> {
        path.segments().iter().try_fold(Some(self.root), |found, segment| match found {
            Some(raw) => step(raw, segment).map_err(|error| not_json(&error)),
            None => Ok(None),
        })
    }
}

/// Keeps only the position, because the messages of serde_json may quote the input.
fn not_json(error: &serde_json::Error) -> SplitError {
    SplitError::NotJson { line: error.line(), column: error.column() }
}

/// The deepest nesting of brackets outside of strings. Unspecified for text that is not JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => drop(bytes.next()),
                    Some(b'"') | None => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    deepest
}

fn elements(text: &str, array: &RawValue) -> Result<Vec<Range<usize>>, SplitError> {
    let mut outcome = Ok(Vec::new());
    serde_json::Deserializer::from_str(array.get())
        .deserialize_seq(Elements { text, outcome: &mut outcome })
        .map_err(|error| not_json(&error))?;
    outcome
}

/// The byte range of a part of the text.
fn span(text: &str, raw: &RawValue, index: usize) -> Result<Range<usize>, SplitError> {
    let part = raw.get();
    if part.len() > MAX_RECORD_BYTES {
        return Err(SplitError::RecordTooLarge { index });
    }
    // A raw value borrows from the text it was parsed from, so the difference is its offset.
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    Ok(start..start + part.len())
}

struct Elements<'text, 'outcome> {
    text: &'text str,
    outcome: &'outcome mut Result<Vec<Range<usize>>, SplitError>,
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(raw) = array.next_element::<&RawValue>()? {
            let Ok(spans) = self.outcome.as_mut() else { continue };
            match span(self.text, raw, spans.len()) {
                Ok(_) if spans.len() == MAX_RECORDS => *self.outcome = Err(SplitError::TooManyRecords),
                Ok(span) => spans.push(span),
                Err(error) => *self.outcome = Err(error),
            }
        }
        Ok(())
    }
}

/// One step of a path. `None` when the value has no such member or element.
fn step<'body>(
    raw: &'body RawValue,
    segment: &Segment,
) -> Result<Option<&'body RawValue>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    match (raw.get().as_bytes().first(), segment) {
        (Some(b'{'), Segment::Name(name)) => Member(name).deserialize(&mut deserializer),
        (Some(b'{'), Segment::Index(index)) => Member(&index.to_string()).deserialize(&mut deserializer),
        (Some(b'['), Segment::Index(index)) => Element(*index).deserialize(&mut deserializer),
        _ => Ok(None),
    }
}

/// Finds the last member with a name.
struct Member<'name>(&'name str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(matches) = object.next_key_seed(IsName(self.0))? {
            if matches {
                found = Some(object.next_value::<&RawValue>()?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares the name of a member without copying it.
struct IsName<'name>(&'name str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// Finds an element by its index.
struct Element(usize);

impl<'de> DeserializeSeed<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if array.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = array.next_element::<&RawValue>()?;
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn path(text: &str) -> RecordPath {
        text.parse().unwrap()
    }

    fn split(body: &str, at: Option<&str>) -> Result<Vec<String>, SplitError> {
        let at = at.map(path);
        let spans = Document::parse(body.as_bytes())?.records(at.as_ref())?;
        Ok(spans.into_iter().map(|span| body[span].to_owned()).collect())
    }

    #[test]
    fn records_are_byte_ranges_of_the_body() {
        let body = " {\"a\": [ {\"x\" : 1.50e3} ,\n 2, \"é\\u00e9\", null, [3] ] , \"b\": {}} ";
        assert_eq!(split(body, Some("a")).unwrap(), ["{\"x\" : 1.50e3}", "2", "\"é\\u00e9\"", "null", "[3]"]);
    }

    #[test]
    fn without_a_path_the_body_is_a_record_or_an_array() {
        assert_eq!(split(" {\"a\":1} ", None).unwrap(), ["{\"a\":1}"]);
        assert_eq!(split("[{\"a\":1},{}]", None).unwrap(), ["{\"a\":1}", "{}"]);
        assert_eq!(split("[]", None).unwrap(), [""; 0]);
        for scalar in ["1", "\"text\"", "null", "true"] {
            assert_eq!(split(scalar, None), Err(SplitError::NotRecords), "{scalar}");
        }
    }

    #[test]
    fn path_traverses_objects_and_arrays() {
        let body = r#"{"data":[{"items":[1]},{"items":[2,3]}],"7":{"n":[4]},"é.":0,"a\u0062":[5]}"#;
        assert_eq!(split(body, Some("data.1.items")).unwrap(), ["2", "3"]);
        assert_eq!(split(body, Some("7.n")).unwrap(), ["4"]);
        assert_eq!(split(body, Some("ab")).unwrap(), ["5"], "an escaped name is the same name");
        for missing in ["data.2.items", "data.items", "nothing", "7.n.0.deeper", "data.0.items.0.x"] {
            assert_eq!(split(body, Some(missing)), Err(SplitError::PathMissing), "{missing}");
        }
        assert_eq!(split(body, Some("data.0")), Err(SplitError::PathNotArray));
        assert_eq!(split(body, Some("data.0.items.0")), Err(SplitError::PathNotArray));
    }

    #[test]
    fn null_at_the_path_is_an_empty_page() {
        assert_eq!(split(r#"{"results":null}"#, Some("results")).unwrap(), [""; 0]);
    }

    #[test]
    fn last_of_duplicate_members_counts() {
        assert_eq!(split(r#"{"r":[1],"r":[2]}"#, Some("r")).unwrap(), ["2"]);
    }

    #[test]
    fn invalid_json_is_reported_by_its_position_alone() {
        for body in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"canary\":1}x",
            "canary",
            "[1] [2]",
            "{\"a\":canary}",
            "[\"\u{1}\"]",
            "[01]",
            "nul",
        ] {
            let error = split(body, Some("a")).unwrap_err();
            assert!(matches!(error, SplitError::NotJson { .. }), "{body:?}: {error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let error = split("{\"a\":\n [1,,2]}", Some("a"));
        assert_eq!(error, Err(SplitError::NotJson { line: 2, column: 5 }));
        assert_eq!(Document::parse(b"[\"a\xff\"]").unwrap_err(), SplitError::NotUtf8 { offset: 3 });
    }

    #[test]
    fn nesting_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(split(&nested(MAX_DEPTH), None).is_ok());
        assert_eq!(split(&nested(MAX_DEPTH + 1), None), Err(SplitError::TooDeep));
        assert_eq!(split(&"[".repeat(100_000), None), Err(SplitError::TooDeep));
        assert_eq!(split(&"{\"a\":".repeat(100_000), Some("a")), Err(SplitError::TooDeep));
        let text = format!("[\"{}\\\"{}\"]", "[".repeat(1_000), "{".repeat(1_000));
        assert_eq!(split(&text, None).unwrap().len(), 1);
    }

    #[test]
    fn too_large_record_is_named_by_its_index() {
        let large = format!("[1,\"{}\"]", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(split(&large, None), Err(SplitError::RecordTooLarge { index: 1 }));
        let one = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(split(&one, None), Err(SplitError::RecordTooLarge { index: 0 }));
    }

    #[test]
    fn number_of_records_is_bounded() {
        let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(split(&many(MAX_RECORDS), None).unwrap().len(), MAX_RECORDS);
        assert_eq!(split(&many(MAX_RECORDS + 1), None), Err(SplitError::TooManyRecords));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\é]{0,3}", inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn ranges_hold_the_same_values_as_a_parsed_tree(records in prop::collection::vec(any_json(), 0..16), other in any_json()) {
            let body = json!({"other": other, "outer": [0, {"records": records}]});
            for text in [serde_json::to_string(&body)?, serde_json::to_string_pretty(&body)?] {
                let found = split(&text, Some("outer.1.records")).unwrap();
                let found = found.iter().map(|raw| serde_json::from_str(raw)).collect::<Result<Vec<Value>, _>>()?;
                prop_assert_eq!(&found, &records);
            }
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..64), cut in any::<prop::sample::Index>()) {
            let _ = Document::parse(&body).map(|document| document.records(Some(&path("a.0"))));
            let valid = br#"{"a":[{"b":[1,{"c":"\u00e9\""}]},[],null]}"#;
            let truncated = &valid[..cut.index(valid.len())];
            prop_assert!(Document::parse(truncated).is_err());
        }
    }
}
