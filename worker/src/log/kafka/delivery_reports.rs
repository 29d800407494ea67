//! Counting acknowledgements: one ticket for a whole append, not a future for each record.
//!
//! librdkafka gives back one number with each record's report: the ticket's place and the record's index, packed into it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::context::log_line;

// Two halves of 32 bits each.
const _: () =
    assert!(usize::BITS >= 64, "a record's index and its ticket do not fit into a number of this platform");

/// A record that was not acknowledged: its index in the append, and why.
pub(super) type Failure = (u32, RDKafkaErrorCode);

/// The tickets of the appends that are under way.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    tickets: Mutex<Vec<Option<Ticket>>>,
    /// Somebody waits for room in the client's queue.
    is_awaited: AtomicBool,
    room: Notify,
}

#[derive(Debug)]
struct Ticket {
    /// Records without a report, and those that were not even sent yet.
    outstanding: usize,
    failures: Vec<Failure>,
    done: oneshot::Sender<Vec<Failure>>,
}

/// The sending half of a ticket. Dropped before everything was sent, it takes the rest off the count.
pub(super) struct Sending<'a> {
    deliveries: &'a Deliveries,
    place: u32,
    unsent: usize,
}

impl Deliveries {
    /// Opens a ticket for so many records. The receiver gets the failures when the last report has come.
    pub(super) fn open(&self, records: usize) -> (Sending<'_>, oneshot::Receiver<Vec<Failure>>) {
        let (done, receiver) = oneshot::channel();
        let ticket = Ticket { outstanding: records, failures: Vec::new(), done };
        let mut tickets = self.tickets();
        let place = tickets.iter().position(Option::is_none).unwrap_or(tickets.len());
        match tickets.get_mut(place) {
            Some(free) => *free = Some(ticket),
            None => tickets.push(Some(ticket)),
        }
        (Sending { deliveries: self, place: place as u32, unsent: records }, receiver)
    }

    /// Waits until the client's queue has got shorter, but not long: reports may have come just before.
    pub(super) async fn room(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
        let _ = timeout(Duration::from_millis(20), self.room.notified()).await;
    }

    /// Takes records off a ticket.
    fn settle(&self, place: u32, count: usize, failure: Option<Failure>) {
        let mut tickets = self.tickets();
        let Some(slot) = tickets.get_mut(place as usize) else { return };
        let Some(ticket) = slot else { return };
        ticket.failures.extend(failure);
        ticket.outstanding = ticket.outstanding.saturating_sub(count);
        if ticket.outstanding == 0
            && let Some(ticket) = slot.take()
        {
            // Nobody waits when the append was dropped.
            let _ = ticket.done.send(ticket.failures);
        }
    }

    fn tickets(&self) -> MutexGuard<'_, Vec<Option<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending<'_> {
    /// What to send along with a record.
    pub(super) fn label(&self, index: u32) -> usize {
        (self.place as usize) << 32 | index as usize
    }

    /// A record was handed to the client: its report will come.
    pub(super) fn sent(&mut self) {
        self.unsent = self.unsent.saturating_sub(1);
    }

    /// A record was refused by the client: no report will come.
    pub(super) fn refused(&mut self, index: u32, code: RDKafkaErrorCode) {
        self.sent();
        self.deliveries.settle(self.place, 1, Some((index, code)));
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if self.unsent > 0 {
            self.deliveries.settle(self.place, self.unsent, None);
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, label: usize) {
        let failure = report.as_ref().err().map(|(error, _)| {
            ((label & u32::MAX as usize) as u32, error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
        });
        self.settle((label >> 32) as u32, 1, failure);
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            self.room.notify_one();
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    // What concerns a record comes with its report.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason, "error");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_done_with_its_last_report() {
        let deliveries = Deliveries::default();
        let (mut sending, mut done) = deliveries.open(3);
        sending.sent();
        sending.sent();
        sending.refused(2, RDKafkaErrorCode::MessageSizeTooLarge);
        drop(sending);
        deliveries.settle(0, 1, None);
        assert!(done.try_recv().is_err(), "one report is missing");
        deliveries.settle(0, 1, Some((1, RDKafkaErrorCode::MessageTimedOut)));
        assert_eq!(
            done.try_recv().unwrap(),
            [(2, RDKafkaErrorCode::MessageSizeTooLarge), (1, RDKafkaErrorCode::MessageTimedOut)]
        );
    }

    #[test]
    fn an_append_that_is_dropped_half_way_leaves_no_ticket_behind() {
        let deliveries = Deliveries::default();
        let (mut sending, done) = deliveries.open(10);
        sending.sent();
        drop((sending, done));
        assert!(deliveries.tickets()[0].is_some(), "the report of the record that was sent is still to come");
        deliveries.settle(0, 1, None);
        assert!(deliveries.tickets()[0].is_none());
    }

    #[test]
    fn appends_at_the_same_time_do_not_mix() {
        let deliveries = Deliveries::default();
        let (mut one, mut one_done) = deliveries.open(1);
        let (mut two, mut two_done) = deliveries.open(1);
        one.sent();
        two.sent();
        assert_ne!(one.label(0), two.label(0));
        deliveries.settle(1, 1, Some((0, RDKafkaErrorCode::MessageTimedOut)));
        assert!(one_done.try_recv().is_err());
        assert_eq!(two_done.try_recv().unwrap().len(), 1);
        deliveries.settle(0, 1, None);
        assert_eq!(one_done.try_recv().unwrap(), []);
    }

    #[test]
    fn a_place_is_used_again() {
        let deliveries = Deliveries::default();
        for _ in 0..5 {
            let (mut sending, _done) = deliveries.open(1);
            sending.sent();
            drop(sending);
            deliveries.settle(0, 1, None);
        }
        assert_eq!(deliveries.tickets().len(), 1);
    }
}
