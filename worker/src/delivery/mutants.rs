//! Faults that a test can plant in the delivery code, to show that the simulation finds them.
//!
//! Outside of tests [`planted`] is a constant `false`, and the compiler leaves nothing of it.

/// A mistake somebody could make in the delivery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Offsets count as done when they are read.
    CommitBeforeWrite,
    /// Offsets count as done when a later one is.
    CommitPastUnfinished,
    /// An acknowledgement from before a rebalance counts after it.
    AcceptAckOfOldAssignment,
    /// The source's position is saved before its records are acknowledged.
    SavePositionBeforeAcks,
    /// A poison record counts as done before its dead letter is acknowledged.
    DeadLetterNotAwaited,
    /// A row that the table rejects is dropped.
    RejectedRowForgotten,
    /// A row whose write failed for now counts as written.
    UnavailableCountsAsWritten,
    /// Rows are written with the time of day instead of the record's.
    WriteTimeFromClock,
    /// Two versions in one millisecond get the same write time.
    WriteTimeWithoutOffset,
    /// An append whose reply was lost counts as done.
    LostAppendReplyCountsAsDone,
}

#[cfg(not(test))]
pub(crate) const fn planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(crate) use in_tests::{plant, planted};

#[cfg(test)]
mod in_tests {
    use super::Fault;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(crate) fn planted(fault: Fault) -> bool {
        PLANTED.with(|planted| planted.get() == Some(fault))
    }

    /// Plants a fault in this thread until the guard is dropped.
    pub(crate) fn plant(fault: Fault) -> Planted {
        PLANTED.with(|planted| planted.set(Some(fault)));
        Planted
    }

    pub(crate) struct Planted;

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.with(|planted| planted.set(None));
        }
    }
}
