//! Deletes what a pipeline created, and nothing else.

use userstream_crds::Pipeline;
use userstream_crds::model::{DeletionPolicy, Mode, TopicManagementPolicy};
use userstream_crds::provision_report::{ProvisionReport, ReportLine};

use super::ProvisionError;
use super::admin::{Claims, TableAdmin, TopicAdmin};
use super::lock::Lock;
use super::observation::TopicObservation;
use super::resource::{Owner, Resource, may_delete};
use super::topic::DesiredTopic;

/// A resource that still has the id with which this pipeline created it.
#[derive(Debug)]
enum Deletion {
    Topic(DesiredTopic, String),
    Table(String),
    Keyspace,
}

/// The resources to delete, and those that are kept although their policy is `Delete`.
#[derive(Debug, Default)]
struct DeletionPlan {
    deletions: Vec<Deletion>,
    kept: Vec<ReportLine>,
}

/// Deletes the topics, the table and the keyspace that this pipeline created and whose `deletionPolicy` is `Delete`.
/// With [`Mode::Plan`] it reports them and deletes none.
///
/// Deletes only what still has the id that was recorded at its creation, and a keyspace only when it has no other
/// table. Idempotent: a resource that is already gone is not an error.
///
/// # Errors
/// When Kafka or Cassandra could not be read or changed. Some resources may have been deleted.
pub async fn cleanup<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    mode: Mode,
) -> Result<ProvisionReport, ProvisionError> {
    let keyspace = &pipeline.keyspace.name;
    let has_keyspace = tables.keyspace(keyspace).await?.is_some();
    let plan = DeletionPlan::of(pipeline, topics, tables, has_keyspace).await?;
    if mode == Mode::Plan || plan.deletions.is_empty() {
        return Ok(plan.report(pipeline, mode));
    }
    if !has_keyspace {
        // Without claims, only the embedded log identifies its topics' creator, and its directory is locked already.
        for deletion in &plan.deletions {
            deletion.apply(pipeline, topics, tables).await?;
        }
        return Ok(plan.report(pipeline, mode));
    }
    let lock = Lock::acquire(tables, keyspace, &Owner::of(pipeline)).await?;
    let result = delete_under_lock(pipeline, topics, tables, &lock).await;
    if !matches!(&result, Ok((_, KeyspaceRemains(false)))) {
        lock.release().await;
    }
    Ok(result?.0.report(pipeline, mode))
}

/// Whether the keyspace, and with it the lock, still exists.
struct KeyspaceRemains(bool);

async fn delete_under_lock<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    lock: &Lock<'_, D>,
) -> Result<(DeletionPlan, KeyspaceRemains), ProvisionError> {
    let mut plan = DeletionPlan::of(pipeline, topics, tables, true).await?;
    let mut remains = true;
    let mut deleted = Vec::new();
    for deletion in std::mem::take(&mut plan.deletions) {
        lock.renew().await?;
        if deletion.apply(pipeline, topics, tables).await? {
            remains &= !matches!(deletion, Deletion::Keyspace);
            tracing::info!(resource = %deletion.resource(pipeline), "deleted");
            deleted.push(deletion);
        } else {
            plan.kept.push(line(&deletion.resource(pipeline), "kept, in use or recreated meanwhile"));
        }
    }
    plan.deletions = deleted;
    Ok((plan, KeyspaceRemains(remains)))
}

impl DeletionPlan {
    async fn of<T: TopicAdmin, D: TableAdmin + Claims>(
        pipeline: &Pipeline,
        topics: &T,
        tables: &D,
        has_keyspace: bool,
    ) -> Result<Self, ProvisionError> {
        let owner = Owner::of(pipeline);
        let keyspace = &pipeline.keyspace.name;
        let mut plan = Self::default();
        if pipeline.topic.deletion == DeletionPolicy::Delete {
            for desired in DesiredTopic::all(pipeline) {
                let claims = has_keyspace.then_some((tables, keyspace));
                plan.add_topic(TopicObservation::of(desired, topics, claims).await?, &owner);
            }
        }
        if !has_keyspace {
            return Ok(plan);
        }
        let table = tables.table(keyspace, &pipeline.table.name).await?;
        let mut table_is_kept = table.is_some();
        if let Some(table) = table.filter(|_| pipeline.table.deletion == DeletionPolicy::Delete) {
            let resource = Resource::Table(pipeline.table.name.clone());
            let claim = tables.claim_on(keyspace, &resource).await?;
            if may_delete(&owner, claim.as_ref(), Some(&table.id)) {
                plan.deletions.push(Deletion::Table(table.id));
                table_is_kept = false;
            } else {
                plan.kept.push(line(&resource, NOT_CLAIMED));
            }
        }
        if pipeline.keyspace.deletion == DeletionPolicy::Delete {
            let resource = Resource::Keyspace(keyspace.clone());
            let claim = tables.claim_on(keyspace, &resource).await?;
            if !may_delete(&owner, claim.as_ref(), Some(keyspace.as_str())) {
                plan.kept.push(line(&resource, NOT_CLAIMED));
            } else if table_is_kept {
                plan.kept.push(line(&resource, "kept with its table"));
            } else {
                plan.deletions.push(Deletion::Keyspace);
            }
        }
        Ok(plan)
    }

    fn report(self, pipeline: &Pipeline, mode: Mode) -> ProvisionReport {
        let changes = self.deletions.iter().map(|deletion| deletion.line(pipeline)).collect();
        ProvisionReport { changes, drift: self.kept, mode, ..ProvisionReport::default() }
    }

    fn add_topic(&mut self, topic: TopicObservation, owner: &Owner) {
        let Some(observed) = topic.observed else { return };
        let resource = Resource::Topic(topic.desired.name.clone());
        let managed = topic.desired.management == TopicManagementPolicy::Managed;
        match observed.id {
            Some(id) if managed && may_delete(owner, topic.claim.as_ref(), Some(&id)) => {
                self.deletions.push(Deletion::Topic(topic.desired, id));
            }
            _ => self.kept.push(line(&resource, NOT_CLAIMED)),
        }
    }
}

const NOT_CLAIMED: &str = "kept, no claim shows that this pipeline created it";

fn line(resource: &Resource, outcome: &str) -> ReportLine {
    let text = format!("{} {}: {outcome}", resource.kind(), resource.name());
    ReportLine { resource: resource.to_string(), text, statement: None }
}

impl Deletion {
    fn resource(&self, pipeline: &Pipeline) -> Resource {
        match self {
            Self::Topic(topic, _) => Resource::Topic(topic.name.clone()),
            Self::Table(_) => Resource::Table(pipeline.table.name.clone()),
            Self::Keyspace => Resource::Keyspace(pipeline.keyspace.name.clone()),
        }
    }

    fn line(&self, pipeline: &Pipeline) -> ReportLine {
        line(&self.resource(pipeline), "delete")
    }

    /// Deletes the resource. Returns false if it has another id by now, or is in use.
    async fn apply<T: TopicAdmin, D: TableAdmin + Claims>(
        &self,
        pipeline: &Pipeline,
        topics: &T,
        tables: &D,
    ) -> Result<bool, ProvisionError> {
        let keyspace = &pipeline.keyspace.name;
        let deleted = match self {
            Self::Topic(topic, id) => topics.delete_topic(&topic.name, id).await?,
            Self::Table(id) => tables.drop_table(&pipeline.table, id).await?,
            Self::Keyspace if tables.has_tables(keyspace).await? => false,
            Self::Keyspace => {
                tables.drop_keyspace(keyspace).await?;
                return Ok(true);
            }
        };
        if deleted && tables.keyspace(keyspace).await?.is_some() {
            tables.delete_claim(keyspace, &self.resource(pipeline)).await?;
        }
        Ok(deleted)
    }
}
