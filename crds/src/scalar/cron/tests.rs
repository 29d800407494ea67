use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, Zoned};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next due time in a zone, as RFC 3339 with its offset.
fn next(expression: &str, after: &str, zone_name: &str) -> String {
    let cron: Cron = expression.parse().unwrap();
    let zone = zone(zone_name);
    let due = cron.next_after(at(after), &zone).unwrap();
    due.display_with_offset(zone.to_offset(due)).to_string()
}

fn refusal(expression: &str) -> String {
    expression.parse::<Cron>().unwrap_err().to_string()
}

#[test]
fn due_times_are_those_of_robfig_cron() {
    for (after, expression, expected) in [
        ("2012-07-09T14:45:00Z", "0/15 * * * *", "2012-07-09T15:00:00+00:00"),
        ("2012-07-09T14:59:59Z", "0/15 * * * *", "2012-07-09T15:00:00+00:00"),
        ("2012-07-09T15:00:00Z", "0/15 * * * *", "2012-07-09T15:15:00+00:00"),
        ("2012-07-09T23:46:00Z", "*/15 * * * *", "2012-07-10T00:00:00+00:00"),
        ("2012-07-09T15:45:00Z", "20-35/15 * * * *", "2012-07-09T16:20:00+00:00"),
        ("2012-07-09T23:35:00Z", "15/35 20-23/2 * * *", "2012-07-10T20:15:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 9 Apr-Oct ?", "2012-08-09T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 */5 Apr,Aug,Oct Mon", "2012-08-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 */5 Oct MON", "2012-10-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 * Feb Mon", "2013-02-04T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 * Feb Mon/2", "2013-02-01T00:00:00+00:00"),
        ("2012-12-31T23:59:45Z", "* * * * *", "2013-01-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "0 0 29 Feb ?", "2016-02-29T00:00:00+00:00"),
        ("2096-03-01T00:00:00Z", "0 0 29 2 *", "2104-02-29T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "@yearly", "2013-01-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "@monthly", "2012-08-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "@weekly", "2012-07-15T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "@daily", "2012-07-10T00:00:00+00:00"),
        ("2012-07-09T23:35:00Z", "@hourly", "2012-07-10T00:00:00+00:00"),
        ("2012-07-09T23:35:00.75Z", "@every 1h30m", "2012-07-10T01:05:00+00:00"),
    ] {
        assert_eq!(next(expression, after, "Etc/UTC"), expected, "{expression} after {after}");
    }
}

#[test]
fn either_restricted_day_field_is_enough() {
    let due_on = |expression: &str, day: &str| {
        let midnight = at(&format!("{day}T00:00:00Z"));
        let cron: Cron = expression.parse().unwrap();
        cron.next_after(midnight - Span::new().seconds(1), &TimeZone::UTC) == Some(midnight)
    };
    assert!(due_on("0 0 1,15 * Sun", "2012-07-15"), "a Sunday the 15th");
    assert!(due_on("0 0 1,15 * Sun", "2012-06-15"), "a Friday the 15th");
    assert!(due_on("0 0 1,15 * Sun", "2012-07-08"), "a Sunday the 8th");
    assert!(due_on("0 0 */10 * Sun", "2012-07-15"), "a Sunday the 15th: */10 restricts");
    assert!(!due_on("0 0 * * Mon", "2012-07-15"), "a Sunday");
    assert!(!due_on("0 0 1,15 * *", "2012-07-09"), "a Monday the 9th");
    assert!(!due_on("0 0 1,15 * */1", "2012-07-09"), "*/1 restricts nothing");
    assert!(due_on("0 0 1,15 * *", "2012-07-15"), "the 15th");
    assert!(due_on("0 0 */2 * Sun", "2012-07-15"), "a Sunday, and an odd day");
}

#[test]
fn skipped_local_time_is_skipped_and_repeated_one_due_twice() {
    let new_york = |after: &str, expression: &str| next(expression, after, "America/New_York");
    for (after, expression, expected) in [
        ("2012-03-11T00:00:00-05:00", "30 2 11 Mar ?", "2013-03-11T02:30:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 * * * ?", "2012-03-11T01:00:00-05:00"),
        ("2012-03-11T01:00:00-05:00", "0 * * * ?", "2012-03-11T03:00:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 2 * * ?", "2012-03-12T02:00:00-04:00"),
        ("2012-11-04T00:00:00-04:00", "30 2 04 Nov ?", "2012-11-04T02:30:00-05:00"),
        ("2012-11-04T01:45:00-04:00", "30 1 04 Nov ?", "2012-11-04T01:30:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 1 * * ?", "2012-11-04T01:00:00-04:00"),
        ("2012-11-04T01:00:00-04:00", "0 1 * * ?", "2012-11-04T01:00:00-05:00"),
        ("2012-11-04T01:00:00-05:00", "0 1 * * ?", "2012-11-05T01:00:00-05:00"),
    ] {
        assert_eq!(new_york(after, expression), expected, "{expression} after {after}");
    }
    // Newfoundland set its clocks back at one minute past midnight, which repeated the end of the day before.
    let due = next("30 23 * * *", "2010-11-07T00:00:30-02:30", "America/St_Johns");
    assert_eq!(due, "2010-11-06T23:30:00-03:30");
}

#[test]
fn every_counts_whole_seconds_and_at_least_one() {
    let seconds = |duration: &str| every::parse(duration).map(|duration| duration.as_secs());
    assert_eq!(seconds("1h30m"), Ok(5400));
    assert_eq!(seconds("1.5h"), Ok(5400));
    assert_eq!(seconds(".5m"), Ok(30));
    assert_eq!(seconds("10s999ms"), Ok(10));
    assert_eq!(seconds("5\u{b5}s"), Ok(1));
    assert_eq!(seconds("0"), Ok(1));
    assert_eq!(seconds("+1m"), Ok(60));
    assert_eq!(seconds("-1m"), Ok(1));
    assert_eq!(seconds("0.0000000000000000000001h"), Ok(1));
    assert_eq!(seconds("2562047h"), Ok(9_223_369_200));
    assert_eq!(seconds("2562048h"), Err(EveryError::TooLong));
    assert_eq!(seconds("99999999999999999999999999999999999999999999s"), Err(EveryError::TooLong));
    for malformed in ["", "h", "1", "1.2.3s", ".s", "1d", "--1h", "-", "1h ", "1h0", "0s0"] {
        assert_eq!(seconds(malformed), Err(EveryError::Malformed), "{malformed:?}");
    }
}

#[test]
fn error_names_the_field_and_the_cause() {
    for (expression, expected) in [
        ("", "the expression is empty"),
        ("   ", "the expression is empty"),
        ("* * * *", "expected 5 fields (minute, hour, day of month, month, day of week), found 4"),
        ("0 * * * * *", "expected 5 fields (minute, hour, day of month, month, day of week), found 6"),
        ("TZ=UTC * * * * *", "the time zone goes into timeZone, not into the expression"),
        ("CRON_TZ=UTC * * * * *", "the time zone goes into timeZone, not into the expression"),
        (
            "@often",
            "the descriptors are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION",
        ),
        ("@every soon", "@every needs a duration such as 1h30m, with the units h, m, s, ms, us and ns"),
        ("60 * * * *", "minute: 60 is not within 0 to 59"),
        ("* 24 * * *", "hour: 24 is not within 0 to 23"),
        ("* * 0 * *", "day of month: 0 is not within 1 to 31"),
        ("* * * 13 *", "month: 13 is not within 1 to 12"),
        ("* * * * 7", "day of week: 7 is not within 0 to 6; Sunday is 0"),
        ("* * * * 99999999999", "day of week: 99999999999 is not within 0 to 6"),
        ("* * * january *", "month: `january` is not a number or an English name of three letters"),
        ("x * * * *", "minute: `x` is not a number"),
        ("1-2-3 * * * *", "minute: `1-2-3` is not a number, a range such as 1-5 or a step such as */10"),
        ("*/2/3 * * * *", "minute: `*/2/3` is not a number, a range such as 1-5 or a step such as */10"),
        ("5-3 * * * *", "minute: the range 5-3 ends before it starts"),
        ("*/0 * * * *", "minute: a step must be at least 1"),
        ("0 0 31 2,4 *", "the expression is never due: no day matches it"),
        (", * * * *", "the expression is never due: no day matches it"),
    ] {
        assert_eq!(refusal(expression), expected, "{expression:?}");
    }
}

/// A field of numbers, ranges and lists that both libraries interpret alike.
fn field(range: RangeInclusive<u8>) -> impl Strategy<Value = String> {
    let (least, most) = (*range.start(), *range.end());
    let number = range.clone().prop_map(|number| number.to_string());
    let span = (range.clone(), range.clone())
        .prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other)));
    let stepped = (range.clone(), range, 1..=most)
        .prop_map(|(one, other, step)| format!("{}-{}/{step}", one.min(other), one.max(other)));
    let element = prop_oneof![3 => number, 1 => span, 1 => stepped];
    let list = prop::collection::vec(element, 1..4).prop_map(|elements| elements.join(","));
    let every = (least.max(2)..=most).prop_map(|step| format!("*/{step}"));
    // One library treats a step over all days as a restriction, the other does not.
    let steps = most > 12 && least == 0;
    prop_oneof![
        4 => list,
        2 => Just("*".to_owned()),
        u32::from(steps) => every,
    ]
}

fn expressions() -> impl Strategy<Value = String> {
    (field(0..=59), field(0..=23), field(1..=31), field(1..=12), field(0..=6)).prop_map(
        |(minute, hour, day_of_month, month, day_of_week)| {
            format!("{minute} {hour} {day_of_month} {month} {day_of_week}")
        },
    )
}

/// The documented behaviour, computed minute by minute.
fn next_by_search(expression: &str, after: Timestamp, zone: &TimeZone, minutes: i64) -> Option<Timestamp> {
    let texts: Vec<&str> = expression.split(' ').collect();
    let fields: Vec<_> = [MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK]
        .iter()
        .zip(&texts)
        .map(|(kind, text)| kind.parse(text).unwrap())
        .collect();
    let matches = |index: usize, number: i8| fields[index].contains(u8::try_from(number).unwrap());
    let start = after.as_second().div_euclid(60) + 1;
    (start..start + minutes).find_map(|minute| {
        let time = Timestamp::from_second(minute * 60).unwrap();
        let clock: DateTime = zone.to_datetime(time);
        let (any_date, any_weekday) = (texts[2] == "*", texts[4] == "*");
        let date = matches(2, clock.day());
        let weekday = matches(4, clock.weekday().to_sunday_zero_offset());
        let day = if any_date || any_weekday { date && weekday } else { date || weekday };
        let due = matches(0, clock.minute()) && matches(1, clock.hour()) && matches(3, clock.month()) && day;
        due.then_some(time)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn next_due_time_is_that_of_croner(
        expression in expressions(),
        second in 0_i64..4_000_000_000,
    ) {
        let after = Timestamp::from_second(second).unwrap();
        let theirs = expression
            .parse::<croner::Cron>()
            .unwrap()
            .find_next_occurrence(&Zoned::new(after, TimeZone::UTC), false)
            .ok();
        match expression.parse::<Cron>() {
            Ok(cron) => {
                let ours = cron.next_after(after, &TimeZone::UTC);
                prop_assert_eq!(ours, theirs.map(|time| time.timestamp()), "{}", expression);
            }
            Err(CronError::NeverDue) => prop_assert_eq!(theirs, None, "{}", expression),
            Err(error) => return Err(TestCaseError::fail(format!("{expression}: {error}"))),
        }
    }

    #[test]
    fn next_due_time_is_the_first_matching_local_minute(
        expression in (field(0..=59), field(0..=23))
            .prop_flat_map(|(minute, hour)| (Just(format!("{minute} {hour}")), prop_oneof![
                Just("* * *"), Just("7,11 * *"), Just("* * 0"), Just("28-31 3,10,11 0"),
            ]))
            .prop_map(|(time, day)| format!("{time} {day}")),
        (name, around) in prop_oneof![
            Just(("America/New_York", "2012-03-11T07:00:00Z")),
            Just(("America/New_York", "2012-11-04T06:00:00Z")),
            Just(("Europe/Berlin", "2026-03-29T01:00:00Z")),
            Just(("Europe/Berlin", "2026-10-25T01:00:00Z")),
            Just(("Australia/Lord_Howe", "2026-04-04T15:00:00Z")),
            Just(("Australia/Lord_Howe", "2026-10-03T15:30:00Z")),
            Just(("America/St_Johns", "2010-11-07T02:31:00Z")),
            Just(("America/Sao_Paulo", "2018-11-04T03:00:00Z")),
        ],
        seconds in -100_000_i64..100_000,
    ) {
        let zone = zone(name);
        let after = at(around) + Span::new().seconds(seconds);
        let searched = next_by_search(&expression, after, &zone, 3 * 24 * 60);
        let found = expression.parse::<Cron>().unwrap().next_after(after, &zone);
        // Beyond the searched minutes there is nothing to compare.
        let horizon = after + Span::new().hours(3 * 24);
        let found = found.filter(|time| searched.is_some() || *time < horizon);
        prop_assert_eq!(found, searched, "{} after {} in {}", expression, after, name);
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused_or_answered(text in ".{0,40}", second in -1_000_000_000_i64..4_000_000_000) {
        if let Ok(cron) = text.parse::<Cron>() {
            let after = Timestamp::from_second(second).unwrap();
            prop_assert!(cron.next_after(after, &TimeZone::UTC).is_none_or(|due| due > after));
        }
    }
}
