//! The due times of the five fields of a cron expression.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::field::Matches;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    pub(super) minutes: Matches,
    pub(super) hours: Matches,
    pub(super) days_of_month: Matches,
    pub(super) months: Matches,
    pub(super) days_of_week: Matches,
}

/// The longest time between two leap days is eight years.
const SEARCHED_DAYS: u32 = 9 * 366;

impl Calendar {
    /// Whether any day matches.
    pub(super) fn is_ever_due(&self) -> bool {
        let any = |field: Matches| field.numbers().next().is_some();
        let in_month = |month| self.days_of_month.numbers().any(|day| day <= days_in(month));
        let (in_some_month, in_week) = (self.months.numbers().any(in_month), any(self.days_of_week));
        let on_some_day =
            if self.either_day_matches() { in_some_month || in_week } else { in_some_month && in_week };
        on_some_day && any(self.minutes) && any(self.hours) && any(self.months)
    }

    pub(super) fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.to_datetime(after).date();
        // A local clock that is set back over midnight repeats the end of yesterday.
        let mut date = today.yesterday().unwrap_or(today);
        for _ in 0..SEARCHED_DAYS {
            if let Some(due) = self.first_on(date, after, zone) {
                // For the same reason the first time of tomorrow can precede the repeated end of today.
                let tomorrow = date.tomorrow().ok().and_then(|tomorrow| self.first_on(tomorrow, after, zone));
                return Some(tomorrow.map_or(due, |tomorrow| tomorrow.min(due)));
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn first_on(&self, date: Date, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if !self.includes(date) {
            return None;
        }
        let minutes = self.minutes.numbers();
        self.hours
            .numbers()
            .flat_map(|hour| minutes.clone().map(move |minute| (hour, minute)))
            .filter_map(|(hour, minute)| Some(DateTime::from_parts(date, time(hour, minute)?)))
            .flat_map(|clock| times(clock, zone))
            .filter(|time| *time > after)
            .min()
    }

    fn includes(&self, date: Date) -> bool {
        let number = |number: i8| u8::try_from(number).unwrap_or(u8::MAX);
        let day_of_month = self.days_of_month.contains(number(date.day()));
        let day_of_week = self.days_of_week.contains(number(date.weekday().to_sunday_zero_offset()));
        let day =
            if self.either_day_matches() { day_of_month || day_of_week } else { day_of_month && day_of_week };
        day && self.months.contains(number(date.month()))
    }

    fn either_day_matches(&self) -> bool {
        !self.days_of_month.any && !self.days_of_week.any
    }
}

fn time(hour: u8, minute: u8) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

/// The times with this local time in a time zone: none, one or two.
fn times(clock: DateTime, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    let offsets = match zone.to_ambiguous_timestamp(clock).offset() {
        AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
        AmbiguousOffset::Gap { .. } => [None, None],
        AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
    };
    offsets.into_iter().flatten().filter_map(move |offset| offset.to_timestamp(clock).ok())
}

const fn days_in(month: u8) -> u8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
