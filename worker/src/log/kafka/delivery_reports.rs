//! Counts delivery reports: one ticket for a whole append instead of a future for each record.
//!
//! librdkafka returns one number with each report. Its upper half is the index of the ticket, its lower half that of
//! the record.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
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

const _: () = assert!(usize::BITS >= 64, "a usize does not hold the indexes of a ticket and a record");

/// A record that was not acknowledged: its index in the append, and why.
pub(super) type Failure = (u32, RDKafkaErrorCode);

/// The tickets of the appends in flight.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    tickets: Mutex<Vec<Option<Ticket>>>,
    /// An append waits for room in the client's queue.
    is_awaited: AtomicBool,
    room: Notify,
}

#[derive(Debug)]
struct Ticket {
    /// Records without a report, sent or not.
    outstanding: usize,
    failures: Vec<Failure>,
    done: oneshot::Sender<Vec<Failure>>,
}

/// The sending half of a ticket. Dropped before all records were sent, it subtracts the rest from the count.
pub(super) struct Sending<'a> {
    deliveries: &'a Deliveries,
    index: u32,
    unsent: usize,
}

impl Deliveries {
    /// Opens a ticket for so many records. The receiver gets the failures after the last report.
    pub(super) fn open(&self, records: usize) -> (Sending<'_>, oneshot::Receiver<Vec<Failure>>) {
        let (done, receiver) = oneshot::channel();
        let ticket = Ticket { outstanding: records, failures: Vec::new(), done };
        let mut tickets = self.tickets();
        let index = tickets.iter().position(Option::is_none).unwrap_or(tickets.len());
        match tickets.get_mut(index) {
            Some(free) => *free = Some(ticket),
            None => tickets.push(Some(ticket)),
        }
        (Sending { deliveries: self, index: index as u32, unsent: records }, receiver)
    }

    /// Waits until the client's queue shrinks. The wait is short, because the last report may have arrived before it.
    pub(super) async fn room(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
        let _ = timeout(Duration::from_millis(20), self.room.notified()).await;
    }

    /// Subtracts records from a ticket.
    fn report(&self, ticket: u32, count: usize, failure: Option<Failure>) {
        let mut tickets = self.tickets();
        let Some(slot) = tickets.get_mut(ticket as usize) else { return };
        let Some(ticket) = slot else { return };
        ticket.failures.extend(failure);
        ticket.outstanding = ticket.outstanding.saturating_sub(count);
        if ticket.outstanding == 0
            && let Some(ticket) = slot.take()
        {
            // The append may have been dropped.
            let _ = ticket.done.send(ticket.failures);
        }
    }

    fn tickets(&self) -> MutexGuard<'_, Vec<Option<Ticket>>> {
        self.tickets.lock().unwrap_or_else(|error| error.into_inner())
    }
}

impl Sending<'_> {
    /// The number that the report of a record returns.
    pub(super) fn label(&self, record: u32) -> usize {
        (self.index as usize) << 32 | record as usize
    }

    /// The client accepted a record: its report will follow.
    pub(super) fn sent(&mut self) {
        self.unsent = self.unsent.saturating_sub(1);
    }

    /// The client refused a record: no report will follow.
    pub(super) fn refused(&mut self, index: u32, code: RDKafkaErrorCode) {
        self.sent();
        self.deliveries.report(self.index, 1, Some((index, code)));
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if self.unsent > 0 {
            self.deliveries.report(self.index, self.unsent, None);
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, label: usize) {
        let failure = report.as_ref().err().map(|(error, _)| {
            ((label & u32::MAX as usize) as u32, error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
        });
        self.report((label >> 32) as u32, 1, failure);
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            self.room.notify_one();
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    // The error of a record is in its report.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason, "error");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_is_done_with_its_last_report() {
        let deliveries = Deliveries::default();
        let (mut sending, mut done) = deliveries.open(3);
        sending.sent();
        sending.sent();
        sending.refused(2, RDKafkaErrorCode::MessageSizeTooLarge);
        drop(sending);
        deliveries.report(0, 1, None);
        assert!(done.try_recv().is_err(), "one report is missing");
        deliveries.report(0, 1, Some((1, RDKafkaErrorCode::MessageTimedOut)));
        assert_eq!(
            done.try_recv().unwrap(),
            [(2, RDKafkaErrorCode::MessageSizeTooLarge), (1, RDKafkaErrorCode::MessageTimedOut)]
        );
    }

    #[test]
    fn dropped_append_leaves_no_ticket_behind() {
        let deliveries = Deliveries::default();
        let (mut sending, done) = deliveries.open(10);
        sending.sent();
        drop((sending, done));
        assert!(deliveries.tickets()[0].is_some(), "the report of the sent record is outstanding");
        deliveries.report(0, 1, None);
        assert!(deliveries.tickets()[0].is_none());
    }

    #[test]
    fn concurrent_appends_do_not_mix() {
        let deliveries = Deliveries::default();
        let (mut one, mut one_done) = deliveries.open(1);
        let (mut two, mut two_done) = deliveries.open(1);
        one.sent();
        two.sent();
        assert_ne!(one.label(0), two.label(0));
        deliveries.report(1, 1, Some((0, RDKafkaErrorCode::MessageTimedOut)));
        assert!(one_done.try_recv().is_err());
        assert_eq!(two_done.try_recv().unwrap().len(), 1);
        deliveries.report(0, 1, None);
        assert_eq!(one_done.try_recv().unwrap(), []);
    }

    #[test]
    fn index_of_a_finished_ticket_is_reused() {
        let deliveries = Deliveries::default();
        for _ in 0..5 {
            let (mut sending, _done) = deliveries.open(1);
            sending.sent();
            drop(sending);
            deliveries.report(0, 1, None);
        }
        assert_eq!(deliveries.tickets().len(), 1);
    }
}
