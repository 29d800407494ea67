//! A field of a cron expression.

use super::CronError;

/// A kind of field: its name, its range, and the words for its numbers, the first one for `least`.
pub(super) struct Kind {
    name: &'static str,
    least: u8,
    most: u8,
    words: &'static [&'static str],
}

pub(super) const MINUTE: Kind = Kind { name: "minute", least: 0, most: 59, words: &[] };
pub(super) const HOUR: Kind = Kind { name: "hour", least: 0, most: 23, words: &[] };
pub(super) const DAY_OF_MONTH: Kind = Kind { name: "day of month", least: 1, most: 31, words: &[] };
pub(super) const MONTH: Kind = Kind {
    name: "month",
    least: 1,
    most: 12,
    words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
pub(super) const DAY_OF_WEEK: Kind = Kind {
    name: "day of week",
    least: 0,
    most: 6,
    words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// The numbers that a field matches; none for a lone comma, which Kubernetes accepts and which is never due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matches {
    bits: u64,
    /// Whether the field is `*` or `?` and restricts nothing.
    pub(super) any: bool,
}

impl Matches {
    pub(super) const fn contains(self, number: u8) -> bool {
        number < 64 && self.bits & (1 << number) != 0
    }

    /// The numbers in order.
    pub(super) fn numbers(self) -> impl Iterator<Item = u8> + Clone {
        (0..64).filter(move |number| self.contains(*number))
    }
}

/// Why a text is not a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// An element is neither a number nor one of the field's words.
    #[error("`{text}` is not a number{}", if *.words { " or an English name of three letters" } else { "" })]
    NotANumber {
        /// The element.
        text: String,
        /// Whether the field has words.
        words: bool,
    },
    /// A number is too small or too large.
    #[error("{number} is not within {least} to {most}{}", if *.sunday { "; Sunday is 0" } else { "" })]
    OutOfRange {
        /// The number as written.
        number: String,
        /// The smallest number of the field.
        least: u8,
        /// The largest number of the field.
        most: u8,
        /// Whether the number may be meant as Sunday.
        sunday: bool,
    },
    /// An element is not a number or a range with at most one step.
    #[error("`{text}` is not a number, a range such as 1-5 or a step such as */10")]
    Malformed {
        /// The element.
        text: String,
    },
    /// A range ends before it starts.
    #[error("the range {start}-{end} ends before it starts")]
    Reversed {
        /// The first number.
        start: u8,
        /// The last number.
        end: u8,
    },
    /// A step is zero.
    #[error("a step must be at least 1")]
    ZeroStep,
}

impl Kind {
    pub(super) fn parse(&self, text: &str) -> Result<Matches, CronError> {
        let mut matches = Matches { bits: 0, any: false };
        // Kubernetes ignores empty elements between commas.
        for element in text.split(',').filter(|element| !element.is_empty()) {
            let element =
                self.element(element).map_err(|error| CronError::Field { name: self.name, error })?;
            matches.bits |= element.bits;
            matches.any |= element.any;
        }
        Ok(matches)
    }

    fn element(&self, text: &str) -> Result<Matches, FieldError> {
        let malformed = || FieldError::Malformed { text: text.to_owned() };
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let step = match step {
            None => None,
            Some(step) if step.contains('/') => return Err(malformed()),
            Some(step) => match self.digits(step)? {
                0 => return Err(FieldError::ZeroStep),
                step => Some(step),
            },
        };
        // As in Kubernetes, the end of a range that starts with a star is ignored: `*-5` is `*`.
        let star = matches!(range.split('-').next(), Some("*" | "?"));
        let (start, end) = match range.split_once('-') {
            _ if star => (self.least, self.most),
            Some((_, end)) if end.contains('-') => return Err(malformed()),
            Some((start, end)) => (self.number(start)?, self.number(end)?),
            None => {
                let start = self.number(range)?;
                // `5/10` is `5-59/10`.
                (start, if step.is_some() { self.most } else { start })
            }
        };
        if start > end {
            return Err(FieldError::Reversed { start, end });
        }
        let numbers = (start..=end).step_by(step.unwrap_or(1).into());
        let bits = numbers.fold(0, |bits, number| bits | 1 << number);
        // `*/2` restricts, `*/1` does not.
        Ok(Matches { bits, any: star && step.unwrap_or(1) == 1 })
    }

    fn number(&self, text: &str) -> Result<u8, FieldError> {
        let word = self.words.iter().zip(self.least..).find(|(word, _)| word.eq_ignore_ascii_case(text));
        let number = match word {
            Some((_, number)) => number,
            None => self.digits(text)?,
        };
        if !(self.least..=self.most).contains(&number) {
            let sunday = !self.words.is_empty() && self.most == 6 && number == 7;
            return Err(FieldError::OutOfRange {
                number: text.to_owned(),
                least: self.least,
                most: self.most,
                sunday,
            });
        }
        Ok(number)
    }

    /// A number with or without a plus sign, at most the largest `u8`, which is out of range for every field.
    fn digits(&self, text: &str) -> Result<u8, FieldError> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok());
        match number.flatten() {
            Some(number) => Ok(u8::try_from(number).unwrap_or(u8::MAX)),
            None => Err(FieldError::NotANumber { text: text.to_owned(), words: !self.words.is_empty() }),
        }
    }
}
