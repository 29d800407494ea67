//! The claims of one pipeline.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use userstream_crds::claims::{Claim, Subject};

use crate::model::pipeline_key::PipelineKey;

/// The order of creation. The API has whole seconds, so the UID orders pipelines of the same second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CreationOrder {
    created: Option<Timestamp>,
    pub(super) uid: String,
}

impl CreationOrder {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            uid: metadata.uid.clone().unwrap_or_default(),
        }
    }
}

/// The claims of one pipeline.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) order: CreationOrder,
    pub(super) pipeline: PipelineKey,
    /// What its spec declares.
    pub(super) declared: Vec<Arc<Claim>>,
    /// The declared claims that it may start to use, or has started to use.
    pub(super) reserved: Vec<Arc<Claim>>,
    /// Claims that it had reserved and does not declare any more. The next reconcile finds out whether it has used
    /// them.
    pub(super) abandoned: Vec<Arc<Claim>>,
    /// What its configurations use. Mostly the declared claims, which then share their memory.
    pub(super) used: Vec<Arc<Claim>>,
    /// When it was deleted.
    pub(super) released_at: Option<Timestamp>,
}

impl Entry {
    pub(super) fn new(order: CreationOrder, pipeline: PipelineKey) -> Self {
        let (declared, reserved, abandoned, used) = Default::default();
        Self { order, pipeline, declared, reserved, abandoned, used, released_at: None }
    }

    /// What no other pipeline may start to use.
    pub(super) fn held(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.reserved.iter().chain(&self.abandoned).chain(&self.used)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.declared.iter().chain(self.held())
    }

    pub(super) fn holds(&self, claim: &Claim) -> bool {
        self.held().any(|held| held.conflicts_with(claim))
    }

    pub(super) fn declares(&self, claim: &Claim) -> bool {
        self.declared.iter().any(|declared| declared.conflicts_with(claim))
    }

    /// These claims, each in the memory of an equal one of this entry where there is one.
    pub(super) fn shared(&self, claims: Vec<Claim>) -> Vec<Arc<Claim>> {
        let shared = |claim: Claim| {
            let known = self.all().find(|known| ***known == claim).cloned();
            known.unwrap_or_else(|| Arc::new(claim))
        };
        claims.into_iter().map(shared).collect()
    }

    pub(super) fn subjects(&self) -> BTreeSet<Subject> {
        self.all().map(|claim| claim.subject.clone()).collect()
    }
}
