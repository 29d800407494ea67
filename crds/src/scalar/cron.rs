//! Cron expressions as Kubernetes reads them: `ParseStandard` of robfig/cron.
//!
//! Five fields (minute, hour, day of month, month, day of week) with `*` and `?`, lists, ranges, steps and the English
//! names of months and days; or one of `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`
//! and `@every 1h30m`. Where day of month and day of week are both restricted, a day that matches one of them is due.
//!
//! Kubernetes accepts every expression that this parser accepts, with the same times. The parser also refuses a `TZ=`
//! prefix, as Kubernetes does, and expressions that are never due, such as the 31st of February.

mod calendar;
mod every;
mod field;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use calendar::Calendar;
use field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH};

pub use every::EveryError;
pub use field::FieldError;

/// A cron expression with at least one due time.
#[derive(Clone, Debug)]
pub struct Cron {
    text: Box<str>,
    timing: Timing,
}

#[derive(Clone, Debug)]
enum Timing {
    /// A fixed time after the last one, in whole seconds, not zero.
    Every(Duration),
    Calendar(Calendar),
}

/// Why a text is not a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The text is empty or only spaces.
    #[error("the expression is empty")]
    Empty,
    /// The text starts with a time zone.
    #[error("the time zone goes into timeZone, not into the expression")]
    TimeZonePrefix,
    /// The text starts with @ and is none of the descriptors.
    #[error(
        "the descriptors are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION"
    )]
    UnknownDescriptor,
    /// The duration of `@every` is malformed.
    #[error(transparent)]
    Every(#[from] EveryError),
    /// There are too few or too many fields.
    #[error("expected 5 fields (minute, hour, day of month, month, day of week), found {found}")]
    FieldCount {
        /// The number of fields.
        found: usize,
    },
    /// A field is wrong.
    #[error("{name}: {error}")]
    Field {
        /// The name of the field.
        name: &'static str,
        /// What is wrong.
        error: FieldError,
    },
    /// No day matches. Kubernetes accepts the expression and never runs anything.
    #[error("the expression is never due: no day matches it")]
    NeverDue,
}

impl Cron {
    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The next due time after a time, in a time zone.
    ///
    /// An expression is due whenever the local time matches. As in Kubernetes, a local time that daylight saving skips
    /// is skipped, and one that it repeats is due twice. `@every` counts from the given time. `None` beyond the last
    /// representable time.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.timing {
            Timing::Every(duration) => {
                let second = Timestamp::from_second(after.as_second()).ok()?;
                second.checked_add(*duration).ok()
            }
            Timing::Calendar(calendar) => calendar.next_after(after, zone),
        }
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timing = if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Err(CronError::TimeZonePrefix);
        } else if text.starts_with('@') {
            descriptor(text)?
        } else {
            Timing::Calendar(fields(text)?)
        };
        Ok(Self { text: text.into(), timing })
    }
}

fn descriptor(text: &str) -> Result<Timing, CronError> {
    let same_as = |expression| fields(expression).map(Timing::Calendar);
    match text {
        "@yearly" | "@annually" => same_as("0 0 1 1 *"),
        "@monthly" => same_as("0 0 1 * *"),
        "@weekly" => same_as("0 0 * * 0"),
        "@daily" | "@midnight" => same_as("0 0 * * *"),
        "@hourly" => same_as("0 * * * *"),
        _ => match text.strip_prefix("@every ") {
            Some(duration) => Ok(Timing::Every(every::parse(duration)?)),
            None => Err(CronError::UnknownDescriptor),
        },
    }
}

fn fields(text: &str) -> Result<Calendar, CronError> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day_of_month, month, day_of_week] = parts[..] else {
        return Err(if parts.is_empty() {
            CronError::Empty
        } else {
            CronError::FieldCount { found: parts.len() }
        });
    };
    let calendar = Calendar {
        minutes: MINUTE.parse(minute)?,
        hours: HOUR.parse(hour)?,
        days_of_month: DAY_OF_MONTH.parse(day_of_month)?,
        months: MONTH.parse(month)?,
        days_of_week: DAY_OF_WEEK.parse(day_of_week)?,
    };
    if calendar.is_ever_due() { Ok(calendar) } else { Err(CronError::NeverDue) }
}

/// Expressions are equal when their texts are.
impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
