//! The observed state of everything that a pipeline needs, and the plan that follows from it.

use userstream_crds::Pipeline;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::Mode;
use userstream_crds::provision_report::{
    ProvisionReport, Refusal, RefusalReason, ReportLine, TableReport, TopicReport,
};

use super::admin::{AdminError, Claims, TableAdmin, TopicAdmin};
use super::cql;
use super::keyspace::{self, Datacenters, KeyspaceRefusal, ObservedKeyspace};
use super::resource::{Claim, Owner, Ownership, Resource};
use super::table::{self, ObservedTable, TableChange, TableRefusal};
use super::topic::{self, DesiredTopic, ObservedTopic, TopicChange, TopicRefusal};

/// The observed state.
#[derive(Debug)]
pub(super) struct Observation {
    owner: Owner,
    datacenters: Option<Datacenters>,
    keyspace: Option<ObservedKeyspace>,
    table: Option<ObservedTable>,
    table_claim: Option<Claim>,
    /// The topic of the records is the first.
    topics: Vec<TopicObservation>,
}

/// A desired topic and its observed state.
#[derive(Debug)]
pub(super) struct TopicObservation {
    pub(super) desired: DesiredTopic,
    pub(super) observed: Option<ObservedTopic>,
    pub(super) claim: Option<Claim>,
}

/// The changes, drift and refusals that follow from an observation.
#[derive(Debug, Default)]
pub(super) struct ProvisionPlan {
    pub(super) create_keyspace: bool,
    pub(super) table: Vec<TableChange>,
    pub(super) topics: Vec<(DesiredTopic, Vec<TopicChange>)>,
    /// The ids that a killed run did not add to its claims.
    pub(super) incomplete_claims: Vec<(Resource, String)>,
    drift: Vec<ReportLine>,
    refusals: Vec<Refusal>,
}

impl Observation {
    /// Describes everything that a pipeline needs.
    pub(super) async fn of<T: TopicAdmin, D: TableAdmin + Claims>(
        pipeline: &Pipeline,
        topics: &T,
        tables: &D,
    ) -> Result<Self, AdminError> {
        let name = &pipeline.keyspace.name;
        let keyspace = tables.keyspace(name).await?;
        let exists = keyspace.is_some();
        let (mut table, mut table_claim) = (None, None);
        if exists {
            table = tables.table(name, &pipeline.table.name).await?;
            table_claim = tables.claim_on(name, &Resource::Table(pipeline.table.name.clone())).await?;
        }
        let mut observed = Vec::new();
        for desired in DesiredTopic::all(pipeline) {
            observed.push(TopicObservation::of(desired, topics, exists.then_some((tables, name))).await?);
        }
        let owner = Owner::of(pipeline);
        Ok(Self {
            owner,
            datacenters: tables.datacenters().await?,
            keyspace,
            table,
            table_claim,
            topics: observed,
        })
    }

    /// The smallest change that gives the pipeline what it needs.
    pub(super) fn plan(&self, pipeline: &Pipeline) -> ProvisionPlan {
        let mut plan = ProvisionPlan::default();
        match keyspace::plan(&pipeline.keyspace, self.keyspace.as_ref(), self.datacenters.as_ref()) {
            Ok(planned) => {
                plan.create_keyspace = planned.create;
                let resource = Resource::Keyspace(pipeline.keyspace.name.clone());
                plan.drift.extend(planned.drift.map(|drift| drift_line(&resource, &drift)));
            }
            Err(refusal) => plan.refuse_keyspace(&pipeline.keyspace.name, &refusal),
        }
        let resource = Resource::Table(pipeline.table.name.clone());
        match table::plan(&pipeline.table, self.table.as_ref(), &self.table_ownership()) {
            Ok(planned) => {
                plan.table = planned.changes;
                plan.drift.extend(planned.drift.map(|drift| drift_line(&resource, &drift)));
            }
            Err(refusal) => plan.refuse_table(&resource, &refusal),
        }
        if let Some(table) = &self.table {
            let claim = self.table_claim.as_ref();
            plan.incomplete_claims.extend(self.incomplete_claim(resource, claim, Some(&table.id)));
        }
        for topic in &self.topics {
            let resource = Resource::Topic(topic.desired.name.clone());
            match topic::plan(&topic.desired, topic.observed.as_ref(), &topic.ownership(&self.owner)) {
                Ok(planned) => {
                    plan.drift.extend(planned.drift.iter().map(|drift| drift_line(&resource, drift)));
                    plan.topics.push((topic.desired.clone(), planned.changes));
                }
                Err(refusal) => plan.refuse_topic(&resource, &refusal),
            }
            let id = topic.observed.as_ref().and_then(|topic| topic.id.as_ref());
            plan.incomplete_claims.extend(self.incomplete_claim(resource, topic.claim.as_ref(), id));
        }
        plan
    }

    /// The report of the observed state and the plan.
    pub(super) fn report(&self, pipeline: &Pipeline, plan: &ProvisionPlan, mode: Mode) -> ProvisionReport {
        let mut report = ProvisionReport { mode, ..ProvisionReport::default() };
        if plan.refusals.is_empty() {
            report.changes = plan.lines(pipeline);
        }
        report.drift.clone_from(&plan.drift);
        report.refusals.clone_from(&plan.refusals);
        report.topic = self.topics.first().and_then(|topic| {
            let observed = topic.observed.as_ref()?;
            Some(TopicReport {
                name: topic.desired.name.to_string(),
                topic_id: observed.id.clone(),
                partitions: observed.partitions,
                replicas: observed.replicas,
                created_by_us: topic.ownership(&self.owner) == Ownership::Own,
            })
        });
        report.table = self.table.as_ref().map(|table| TableReport {
            keyspace: pipeline.table.keyspace.to_string(),
            name: pipeline.table.name.to_string(),
            table_id: table.id.clone(),
            created_by_us: self.table_ownership() == Ownership::Own,
            last_ddl: None,
        });
        report
    }

    fn table_ownership(&self) -> Ownership {
        Ownership::of(
            &self.owner,
            self.table_claim.as_ref(),
            self.table.as_ref().map(|table| table.id.as_str()),
        )
    }

    /// The claim to complete, if this pipeline's claim on a resource that exists has no id.
    fn incomplete_claim(
        &self,
        resource: Resource,
        claim: Option<&Claim>,
        id: Option<&String>,
    ) -> Option<(Resource, String)> {
        let ours = claim.is_some_and(|claim| claim.owner == self.owner.as_str() && claim.id.is_none());
        Some((resource, id.filter(|_| ours)?.clone()))
    }
}

impl TopicObservation {
    /// Describes a topic. `claims` is `None` while the keyspace of the claims does not exist.
    pub(super) async fn of<T: TopicAdmin, D: Claims>(
        desired: DesiredTopic,
        topics: &T,
        claims: Option<(&D, &Identifier)>,
    ) -> Result<Self, AdminError> {
        let observed = topics.topic(&desired.name).await?;
        let creator = observed.as_ref().and_then(|topic| Some((topic.created_by.clone()?, topic.id.clone())));
        let claim = match (creator, claims) {
            (Some((owner, id)), _) => Some(Claim { owner, id }),
            (None, Some((claims, keyspace))) => {
                claims.claim_on(keyspace, &Resource::Topic(desired.name.clone())).await?
            }
            (None, None) => None,
        };
        Ok(Self { desired, observed, claim })
    }

    fn ownership(&self, owner: &Owner) -> Ownership {
        let id = self.observed.as_ref().and_then(|topic| topic.id.as_deref());
        Ownership::of(owner, self.claim.as_ref(), id)
    }
}

impl ProvisionPlan {
    /// Whether something is refused, so that nothing must be changed.
    pub(super) fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// Whether there is nothing to change.
    pub(super) fn is_empty(&self) -> bool {
        !self.create_keyspace
            && self.table.is_empty()
            && self.topics.iter().all(|(_, changes)| changes.is_empty())
            && self.incomplete_claims.is_empty()
    }

    /// The changes for people, in the order in which they are applied.
    pub(super) fn lines(&self, pipeline: &Pipeline) -> Vec<ReportLine> {
        let keyspace = self.create_keyspace.then(|| keyspace_line(pipeline));
        let table = self.table.iter().map(|change| table_line(pipeline, change));
        let topics = self
            .topics
            .iter()
            .flat_map(|(topic, changes)| changes.iter().map(move |change| topic_line(topic, change)));
        keyspace.into_iter().chain(table).chain(topics).collect()
    }

    fn refuse_keyspace(&mut self, name: &Identifier, refusal: &KeyspaceRefusal) {
        let reason = match refusal {
            KeyspaceRefusal::Missing { .. } => RefusalReason::Missing,
            KeyspaceRefusal::UnknownDatacenter { .. } | KeyspaceRefusal::TooFewNodes { .. } => {
                RefusalReason::Replication
            }
        };
        self.refuse(&Resource::Keyspace(name.clone()), reason, refusal);
    }

    fn refuse_table(&mut self, resource: &Resource, refusal: &TableRefusal) {
        let reason = match refusal {
            TableRefusal::PrimaryKey { .. } => RefusalReason::PrimaryKey,
            TableRefusal::ColumnType { .. } | TableRefusal::StaticColumn { .. } => RefusalReason::ColumnType,
            TableRefusal::MissingColumns { .. } => RefusalReason::MissingColumns,
            TableRefusal::Exists { .. } => RefusalReason::Exists,
            TableRefusal::Conflict { .. } => RefusalReason::Conflict,
        };
        self.refuse(resource, reason, refusal);
    }

    fn refuse_topic(&mut self, resource: &Resource, refusal: &TopicRefusal) {
        let reason = match refusal {
            TopicRefusal::Shrink { .. } => RefusalReason::Shrink,
            TopicRefusal::Exists { .. } => RefusalReason::Exists,
            TopicRefusal::Conflict { .. } => RefusalReason::Conflict,
            TopicRefusal::Missing { .. } => RefusalReason::Missing,
        };
        self.refuse(resource, reason, refusal);
    }

    fn refuse(&mut self, resource: &Resource, reason: RefusalReason, refusal: &impl std::error::Error) {
        self.refusals.push(Refusal { resource: resource.to_string(), reason, text: refusal.to_string() });
    }
}

/// The report line of the creation of a pipeline's keyspace.
pub(super) fn keyspace_line(pipeline: &Pipeline) -> ReportLine {
    ReportLine {
        resource: Resource::Keyspace(pipeline.keyspace.name.clone()).to_string(),
        text: keyspace::describe_creation(&pipeline.keyspace),
        statement: Some(cql::create_keyspace(&pipeline.keyspace)),
    }
}

/// The report line of a change of a pipeline's table.
pub(super) fn table_line(pipeline: &Pipeline, change: &TableChange) -> ReportLine {
    ReportLine {
        resource: Resource::Table(pipeline.table.name.clone()).to_string(),
        text: change.describe(&pipeline.table),
        statement: Some(change.statement(&pipeline.table)),
    }
}

/// The report line of a change of a topic.
pub(super) fn topic_line(topic: &DesiredTopic, change: &TopicChange) -> ReportLine {
    let resource = Resource::Topic(topic.name.clone()).to_string();
    ReportLine { resource, text: change.describe(topic), statement: None }
}

fn drift_line(resource: &Resource, drift: &impl std::fmt::Display) -> ReportLine {
    let text = format!("{} {}: {drift}", resource.kind(), resource.name());
    ReportLine { resource: resource.to_string(), text, statement: None }
}
