//! JSON of a record as values of expressions.
//!
//! Texts without escapes are not copied, and numbers keep all their digits.

use userstream_crds::expression::limits::MAX_BYTES;
use userstream_crds::expression::{Budget, EvaluationErrorKind, Map, Value};

use super::MAX_DEPTH;
use super::unescape::unescape;

type Read<T> = Result<T, EvaluationErrorKind>;

/// The value of a piece of JSON, which serde_json has read before. Integers of 64 bits are `int`, all other numbers are
/// decimals.
pub(super) fn value<'a>(json: &'a str, budget: &'a Budget) -> Read<Value<'a>> {
    Reader { rest: json, budget, values: 0 }.value(MAX_DEPTH)
}

struct Reader<'a> {
    rest: &'a str,
    budget: &'a Budget,
    /// How many values were read.
    values: usize,
}

/// As many values as the memory of a record holds.
const MAX_VALUES: usize = MAX_BYTES / size_of::<Value<'_>>();

impl<'a> Reader<'a> {
    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// The next byte that is no space.
    fn next(&mut self) -> u8 {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next().unwrap_or_default()
    }

    /// A value with at most so many levels of lists and objects.
    fn value(&mut self, depth: usize) -> Read<Value<'a>> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(EvaluationErrorKind::OutOfMemory);
        }
        Ok(match self.next() {
            b'"' => Value::String(self.text()?),
            b'{' => self.object(depth.checked_sub(1).ok_or(EvaluationErrorKind::TooDeep)?)?,
            b'[' => self.list(depth.checked_sub(1).ok_or(EvaluationErrorKind::TooDeep)?)?,
            b't' => {
                self.take(4);
                Value::Bool(true)
            }
            b'f' => {
                self.take(5);
                Value::Bool(false)
            }
            b'n' => {
                self.take(4);
                Value::Null
            }
            _ => self.number(),
        })
    }

    fn number(&mut self) -> Value<'a> {
        let belongs = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest.as_bytes().iter().take_while(|byte| belongs(byte)).count();
        // At least one byte is taken, so that the reader comes to an end of anything.
        let text = self.take(length.max(1));
        match text.parse() {
            // The sign of zero is a digit that counts.
            Ok(integer) if text != "-0" => Value::Int(integer),
            _ => Value::Decimal(text),
        }
    }

    /// A text behind its opening quote.
    fn text(&mut self) -> Read<&'a str> {
        self.take(1);
        let mut escaped = false;
        let mut length = 0;
        let mut bytes = self.rest.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    bytes.next();
                    length += 2;
                }
                _ => length += 1,
            }
        }
        let inside = self.take(length);
        self.take(1);
        if !escaped {
            return Ok(inside);
        }
        let mut text = String::with_capacity(inside.len());
        unescape(inside, &mut text).map_err(|_| EvaluationErrorKind::LoneSurrogate)?;
        self.budget.keep_text(&text)
    }

    fn list(&mut self, depth: usize) -> Read<Value<'a>> {
        self.take(1);
        let mut elements = Vec::new();
        while !matches!(self.next(), b']' | 0) {
            elements.push(self.value(depth)?);
            if self.next() == b',' {
                self.take(1);
            }
        }
        self.take(1);
        Ok(Value::List(self.budget.keep_all(&elements)?))
    }

    fn object(&mut self, depth: usize) -> Read<Value<'a>> {
        self.take(1);
        let mut members = Vec::new();
        while !matches!(self.next(), b'}' | 0) {
            let name = self.text()?;
            self.next();
            self.take(1);
            members.push((name, self.value(depth)?));
            if self.next() == b',' {
                self.take(1);
            }
        }
        self.take(1);
        Map::of_members(members, self.budget).map(Value::Map)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The value written as JSON without spaces, with the kind of each number.
    fn read(json: &str) -> String {
        fn write(value: &Value<'_>) -> String {
            match value {
                Value::Int(number) => number.to_string(),
                Value::Decimal(text) => format!("{text}m"),
                Value::String(text) => format!("{text:?}"),
                Value::List(list) => format!("[{}]", list.iter().map(write).collect::<Vec<_>>().join(",")),
                Value::Map(map) => {
                    let member =
                        |(name, value): &(Value<'_>, Value<'_>)| format!("{}:{}", write(name), write(value));
                    format!("{{{}}}", map.entries().iter().map(member).collect::<Vec<_>>().join(","))
                }
                Value::Bool(value) => value.to_string(),
                Value::Null => "null".to_owned(),
                other => format!("{other:?}"),
            }
        }
        let budget = Budget::new();
        let outcome = value(json, &budget);
        outcome.map_or_else(|error| error.to_string(), |value| write(&value))
    }

    #[test]
    fn json_is_read_with_every_digit() {
        for (json, expected) in [
            ("null", "null"),
            (" true ", "true"),
            ("false", "false"),
            ("-17", "-17"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808m"),
            ("1.10", "1.10m"),
            ("-0", "-0m"),
            ("1e5", "1e5m"),
            (r#""text""#, r#""text""#),
            (r#""t\"e\\xt\u00e9""#, r#""t\"e\\xté""#),
            (r#""\\""#, r#""\\""#),
            (r#"[1, [] , {"b": 2 , "a":[3]},"x"]"#, r#"[1,[],{"a":[3],"b":2},"x"]"#),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#"{ }"#, "{}"),
            (r#""\ud83d""#, "a text has a \\u escape that is half of a surrogate pair"),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(read(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
        assert_eq!(read(&nested(MAX_DEPTH + 1)), "a value is nested too deeply");
        assert_eq!(read(&nested(100_000)), "a value is nested too deeply");
    }

    #[test]
    fn list_that_runs_out_of_memory_is_refused() {
        let json = format!("[{}1]", "1,".repeat(2_000_000));
        assert_eq!(read(&json), "the record takes more than 16 MiB");
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in "[\\[\\]{}:,\"\\\\0-9a-z. -]{0,40}") {
            read(&text);
        }
    }
}
