//! Which pipeline has precedence for a claim.
//!
//! A pipeline yields to an older one that could start, and that one may yield to a still older one. Such a chain may be
//! as long as there are pipelines, so it is walked with a list and not by recursion.

use std::collections::BTreeMap;
use std::vec::IntoIter;

use userstream_crds::claims::Claim;

use super::Reservations;
use super::entry::Entry;
use crate::model::conflict::{Conflict, Precedence};

/// The first declared claim of a pipeline that another one has precedence for.
pub(super) fn first_conflict(reservations: &Reservations, own: &Entry) -> Option<Conflict> {
    // Which older pipelines have no conflict: each is decided once.
    let mut can_start = BTreeMap::new();
    let mut open = Vec::new();
    let mut current = Decision::of(own);
    loop {
        match current.advance(reservations, &can_start) {
            // This ends: it only ever reaches pipelines that are still older.
            Step::Awaits(older) => open.push(std::mem::replace(&mut current, Decision::of(older))),
            Step::Decided(conflict) => {
                let Some(awaiting) = open.pop() else { return conflict };
                can_start.insert(current.own.order.uid.as_str(), conflict.is_none());
                current = awaiting;
            }
        }
    }
}

/// A pipeline whose conflicts are being found.
struct Decision<'a> {
    own: &'a Entry,
    /// The declared claims without a conflict.
    free: usize,
    /// The older pipelines that may have precedence for the next claim, the oldest first. None before they are found.
    older: Option<IntoIter<&'a Entry>>,
}

enum Step<'a> {
    /// Whether this older pipeline can start has to be decided first.
    Awaits(&'a Entry),
    /// The first conflict, if there is any.
    Decided(Option<Conflict>),
}

impl<'a> Decision<'a> {
    const fn of(own: &'a Entry) -> Self {
        Self { own, free: 0, older: None }
    }

    fn advance(&mut self, reservations: &'a Reservations, can_start: &BTreeMap<&str, bool>) -> Step<'a> {
        while let Some(claim) = self.own.declared.get(self.free) {
            let older = match &mut self.older {
                Some(older) => older,
                None => match candidates(reservations, self.own, claim) {
                    Candidates::Holder(holder) => return self.yields(claim, holder),
                    Candidates::Older(older) => self.older.insert(older.into_iter()),
                },
            };
            while let Some(other) = older.as_slice().first().copied() {
                match can_start.get(other.order.uid.as_str()) {
                    None => return Step::Awaits(other),
                    Some(true) => return self.yields(claim, other),
                    Some(false) => drop(older.next()),
                }
            }
            self.free += 1;
            self.older = None;
        }
        Step::Decided(None)
    }

    fn yields(&self, claim: &Claim, holder: &Entry) -> Step<'a> {
        let precedence = match holder.released_at {
            Some(_) => Precedence::Ending,
            None if holder.order < self.own.order => Precedence::Older,
            None => Precedence::First,
        };
        Step::Decided(Some(Conflict {
            subject: claim.subject.clone(),
            holder: holder.pipeline.clone(),
            precedence,
        }))
    }
}

/// Which pipelines may have precedence for a claim.
enum Candidates<'a> {
    /// One that holds it. Two hold the same claim only after an edit of both, or under an earlier version of the
    /// operator; then the older one has precedence.
    Holder(&'a Entry),
    /// The oldest of these that could start.
    Older(Vec<&'a Entry>),
}

fn candidates<'a>(reservations: &'a Reservations, own: &Entry, claim: &Claim) -> Candidates<'a> {
    let is_held = own.holds(claim);
    let mut older = Vec::new();
    for other in reservations.others(&own.order.uid, claim) {
        let is_older = other.order < own.order;
        if other.holds(claim) && (is_older || !is_held) {
            return Candidates::Holder(other);
        }
        if is_older && !is_held {
            older.push(other);
        }
    }
    Candidates::Older(older)
}
