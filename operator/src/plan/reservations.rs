//! Which pipeline may use a topic, a consumer group or a table that several pipelines claim.
//!
//! - A pipeline that uses a subject keeps it. Neither an edit of another pipeline nor one that is observed later starts
//!   a second writer.
//! - Of those that could start, the oldest does.
//! - A pipeline that waits for one claim does not hold its others.
//! - A deleted pipeline holds what it used until its workers have terminated.

mod entry;
mod precedence;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use userstream_crds::claims::{Claim, Subject};

use crate::model::conflict::Conflict;
use crate::model::pipeline_key::PipelineKey;
use entry::{CreationOrder, Entry};
use precedence::first_conflict;

/// The result of a pipeline's attempt to reserve what it declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The claim that another pipeline holds; `None`: this one has reserved all of its claims.
    pub conflict: Option<Conflict>,
    /// The pipelines that may wait for what this one had reserved and has to return.
    pub affected: BTreeSet<PipelineKey>,
}

/// The claims of all pipelines.
#[derive(Clone, Debug, Default)]
pub struct Reservations {
    entries: BTreeMap<String, Entry>,
    claimants: BTreeMap<Subject, BTreeSet<CreationOrder>>,
}

impl Reservations {
    /// Records what a pipeline declares. `None` for an invalid spec: the claims of its last good configuration stay.
    /// Returns the other pipelines that the abandoned and the new claims affect.
    pub fn declare(&mut self, metadata: &ObjectMeta, claims: Option<Vec<Claim>>) -> BTreeSet<PipelineKey> {
        let order = CreationOrder::of(metadata);
        let uid = order.uid.clone();
        let before = self.entries.remove(&uid);
        if before.is_none() && claims.is_none() {
            return BTreeSet::new();
        }
        let pipeline = PipelineKey {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        let known = before.clone().unwrap_or_else(|| Entry::new(order, pipeline));
        let declared = claims.map_or_else(|| known.declared.clone(), |claims| known.shared(claims));
        let no_longer_declared = known.declared.iter().filter(|claim| !declared.contains(claim));
        let mut affected = self.affected(&uid, no_longer_declared);
        for claim in declared.iter().filter(|claim| !known.declared.contains(claim)) {
            let younger = self.others(&uid, claim).filter(|other| other.order > known.order);
            affected.extend(younger.map(|other| other.pipeline.clone()));
        }
        // An abandoned claim that is declared again has to be reserved again.
        let (reserved, mut abandoned): (Vec<_>, Vec<_>) =
            known.reserved.iter().cloned().partition(|claim| declared.contains(claim));
        abandoned.extend(known.abandoned.iter().cloned());
        self.replace(before.as_ref(), Entry { declared, reserved, abandoned, ..known });
        affected
    }

    /// Records the claims that a pipeline's configurations use; `None`: they are unchanged. Returns the other pipelines
    /// that may wait for what this one no longer uses. Call it only when the stores show every write of the pipeline.
    pub fn set_used(&mut self, uid: &str, used: Option<Vec<Claim>>) -> BTreeSet<PipelineKey> {
        let has_changed = |entry: &&Entry| used.is_some() || !entry.abandoned.is_empty();
        let Some(before) = self.entries.get(uid).filter(has_changed).cloned() else {
            return BTreeSet::new();
        };
        let used = used.map_or_else(|| before.used.clone(), |used| before.shared(used));
        let entry = Entry { used, abandoned: Vec::new(), ..before.clone() };
        let is_free = |claim: &&Arc<Claim>| !entry.held().any(|held| held == *claim);
        let affected = self.affected(uid, before.held().filter(is_free));
        self.replace(Some(&before), entry);
        affected
    }

    /// Reserves what a pipeline declares, unless another pipeline holds some of it; then it returns what it had
    /// reserved and does not use. Call it after [`set_used`](Self::set_used).
    pub fn reserve(&mut self, uid: &str) -> Reservation {
        let conflict = self.conflict(uid);
        let Some(entry) = self.entries.get_mut(uid) else { return Reservation::default() };
        if conflict.is_none() {
            entry.reserved.clone_from(&entry.declared);
            return Reservation::default();
        }
        let returned = std::mem::take(&mut entry.reserved);
        let unused: Vec<_> = returned.into_iter().filter(|claim| !entry.used.contains(claim)).collect();
        let affected = self.affected(uid, &unused);
        Reservation { conflict, affected }
    }

    /// Whether the claims of this pipeline are known.
    #[must_use]
    pub fn contains(&self, uid: &str) -> bool {
        self.entries.contains_key(uid)
    }

    /// Records that a pipeline is deleted while its workers still run. Returns the pipelines that wait for any of its
    /// claims: what it did not hold is free, and the rest is once its workers have terminated.
    pub fn release(&mut self, uid: &str, now: Timestamp) -> BTreeSet<PipelineKey> {
        let Some(before) = self.entries.remove(uid) else { return BTreeSet::new() };
        let used = before.held().cloned().collect();
        let waiting = self.affected(uid, before.all());
        let Entry { order, pipeline, .. } = before.clone();
        self.replace(Some(&before), Entry { used, released_at: Some(now), ..Entry::new(order, pipeline) });
        waiting
    }

    /// The deleted pipelines that still hold claims: their UIDs, names and times of deletion.
    pub fn released(&self) -> impl Iterator<Item = (&str, &PipelineKey, Timestamp)> {
        self.entries
            .iter()
            .filter_map(|(uid, entry)| Some((uid.as_str(), &entry.pipeline, entry.released_at?)))
    }

    /// The name of the pipeline with this UID.
    #[must_use]
    pub fn pipeline(&self, uid: &str) -> Option<&PipelineKey> {
        self.entries.get(uid).map(|entry| &entry.pipeline)
    }

    /// Removes a pipeline. Returns the pipelines that may wait for what it held.
    pub fn remove(&mut self, uid: &str) -> BTreeSet<PipelineKey> {
        let Some(entry) = self.entries.remove(uid) else { return BTreeSet::new() };
        self.remove_claimant(&entry);
        self.affected(uid, entry.all())
    }

    /// The first declared claim of a pipeline that another one holds.
    #[must_use]
    pub fn conflict(&self, uid: &str) -> Option<Conflict> {
        first_conflict(self, self.entries.get(uid)?)
    }

    fn replace(&mut self, before: Option<&Entry>, entry: Entry) {
        if let Some(before) = before {
            self.remove_claimant(before);
        }
        for subject in entry.subjects() {
            self.claimants.entry(subject).or_default().insert(entry.order.clone());
        }
        self.entries.insert(entry.order.uid.clone(), entry);
    }

    fn remove_claimant(&mut self, entry: &Entry) {
        for subject in entry.subjects() {
            if let Some(claimants) = self.claimants.get_mut(&subject) {
                claimants.remove(&entry.order);
                if claimants.is_empty() {
                    self.claimants.remove(&subject);
                }
            }
        }
    }

    /// The other pipelines that declare or hold a claim, the oldest first.
    fn others<'a>(&'a self, uid: &str, claim: &Claim) -> impl Iterator<Item = &'a Entry> {
        let claimants = self.claimants.get(&claim.subject).into_iter().flatten();
        let others = claimants.filter(move |claimant| claimant.uid != uid);
        let others = others.filter_map(|claimant| self.entries.get(&claimant.uid));
        others.filter(move |other| other.declares(claim) || other.holds(claim))
    }

    /// The names of the other pipelines that declare or hold any of these claims.
    fn affected<'a>(
        &self,
        uid: &str,
        claims: impl IntoIterator<Item = &'a Arc<Claim>>,
    ) -> BTreeSet<PipelineKey> {
        let others = claims.into_iter().flat_map(|claim| self.others(uid, claim));
        others.map(|other| other.pipeline.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
