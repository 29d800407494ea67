//! How often statuses are written for numbers alone. Each write takes the API server many times what it takes to look at a pipeline;
//! what is only nice to know must not take the time of what somebody waits for, however many pipelines there are.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::runtime::reconcile_state::lock;

/// Between two such writes: ten a second. A thousand pipelines of which records flow need three or four.
const BETWEEN: SignedDuration = SignedDuration::from_millis(100);

/// Whose turn it is to have its numbers written.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The next turn that nobody has.
    next: Mutex<Option<Timestamp>>,
}

impl Pace {
    /// Takes the next turn, which does not come before this time.
    pub(crate) fn turn(&self, earliest: Timestamp) -> Timestamp {
        let mut next = lock(&self.next);
        let turn = next.map_or(earliest, |next| next.max(earliest));
        *next = turn.checked_add(BETWEEN).ok();
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_one_another_evenly_and_none_comes_early() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let at = |milliseconds| now + SignedDuration::from_millis(milliseconds);
        let pace = Pace::default();
        let turns = [0, 0, 50, 1_000, 1_000].map(|earliest| pace.turn(at(earliest)));
        assert_eq!(turns, [0, 100, 200, 1_000, 1_100].map(at));
    }
}
