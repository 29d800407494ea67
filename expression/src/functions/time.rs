//! Functions of points in time and lengths of time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Call, Function, Gives, Outcome};
use crate::kind::Kinds;
use crate::time::{Timestamp, parse_duration, parse_timestamp, parse_zone};
use crate::value::Value;

use Kinds as K;

const TIME: Kinds = K::TIMESTAMP;
const TIMES: Kinds = K::TIMESTAMP.and(K::DURATION);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("timestamp", &[TIME.and(K::STRING).and(K::INT)], Gives::Kinds(TIME), timestamp),
    Function::new("duration", &[K::DURATION.and(K::STRING)], Gives::Kinds(K::DURATION), duration),
    Function::new("getFullYear", &[TIME, K::STRING], Gives::Kinds(K::INT), full_year).optional(1),
    Function::new("getMonth", &[TIME, K::STRING], Gives::Kinds(K::INT), month).optional(1),
    Function::new("getDate", &[TIME, K::STRING], Gives::Kinds(K::INT), date).optional(1),
    Function::new("getDayOfMonth", &[TIME, K::STRING], Gives::Kinds(K::INT), day_of_month).optional(1),
    Function::new("getDayOfWeek", &[TIME, K::STRING], Gives::Kinds(K::INT), day_of_week).optional(1),
    Function::new("getDayOfYear", &[TIME, K::STRING], Gives::Kinds(K::INT), day_of_year).optional(1),
    Function::new("getHours", &[TIMES, K::STRING], Gives::Kinds(K::INT), hours).optional(1),
    Function::new("getMinutes", &[TIMES, K::STRING], Gives::Kinds(K::INT), minutes).optional(1),
    Function::new("getSeconds", &[TIMES, K::STRING], Gives::Kinds(K::INT), seconds).optional(1),
    Function::new("getMilliseconds", &[TIMES, K::STRING], Gives::Kinds(K::INT), milliseconds).optional(1),
];

/// An integer is seconds since the Unix epoch.
fn timestamp<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [time @ Value::Timestamp(_)] => Ok(*time),
        [Value::String(text)] => parse_timestamp(text)
            .map(Value::Timestamp)
            .ok_or_else(|| call.refused("the text is not an RFC 3339 timestamp of the years 1 to 9999")),
        [Value::Int(seconds)] => Timestamp::from_seconds(*seconds)
            .map(Value::Timestamp)
            .ok_or_else(|| call.refused("the seconds are outside of the years 1 to 9999")),
        _ => Err(call.mismatch(arguments)),
    }
}

fn duration<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [duration @ Value::Duration(_)] => Ok(*duration),
        [Value::String(text)] => parse_duration(text).map(Value::Duration).ok_or_else(|| {
            call.refused("the text is not a duration like 1h30m, or is longer than 292 years")
        }),
        _ => Err(call.mismatch(arguments)),
    }
}

/// A number of a timestamp in a zone, which is UTC unless it is given.
fn of_time<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>], number: fn(&DateTime) -> i64) -> Outcome<'a> {
    let (time, zone) = match arguments {
        [Value::Timestamp(time)] => (time, TimeZone::UTC),
        [Value::Timestamp(time), Value::String(zone)] => {
            call.budget.spend(100)?;
            (time, parse_zone(zone).ok_or_else(|| call.refused("there is no such time zone"))?)
        }
        _ => return Err(call.mismatch(arguments)),
    };
    let time = time.in_zone(&zone).ok_or_else(|| call.refused("the time is outside of the years to 9999"))?;
    Ok(Value::Int(number(&time)))
}

/// The same of a duration, of which it is the whole length in a unit.
fn of_both<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    number: fn(&DateTime) -> i64,
    of_duration: fn(i64) -> i64,
) -> Outcome<'a> {
    match arguments {
        [Value::Duration(nanoseconds)] => Ok(Value::Int(of_duration(*nanoseconds))),
        _ => of_time(call, arguments, number),
    }
}

fn full_year<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| time.year().into())
}

fn month<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| i64::from(time.month()) - 1)
}

fn date<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| time.day().into())
}

fn day_of_month<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| i64::from(time.day()) - 1)
}

fn day_of_week<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| time.weekday().to_sunday_zero_offset().into())
}

fn day_of_year<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_time(call, arguments, |time| i64::from(time.day_of_year()) - 1)
}

fn hours<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_both(call, arguments, |time| time.hour().into(), |nanoseconds| nanoseconds / 3_600_000_000_000)
}

fn minutes<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_both(call, arguments, |time| time.minute().into(), |nanoseconds| nanoseconds / 60_000_000_000)
}

fn seconds<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_both(call, arguments, |time| time.second().into(), |nanoseconds| nanoseconds / 1_000_000_000)
}

/// Those within the second, of a duration too.
fn milliseconds<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_both(
        call,
        arguments,
        |time| time.millisecond().into(),
        |nanoseconds| nanoseconds % 1_000_000_000 / 1_000_000,
    )
}
