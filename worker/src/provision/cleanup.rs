//! Deletes what a pipeline created, and nothing else.

use userstream_crds::Pipeline;
use userstream_crds::model::{DeletionPolicy, Mode, TopicManagementPolicy};

use super::ProvisionError;
use super::admin::{Claims, TableAdmin, TopicAdmin};
use super::lock::Turn;
use super::observation::SeenTopic;
use super::resource::{Owner, Resource, may_delete};
use super::topic::DesiredTopic;
use userstream_crds::provision_report::{ProvisionReport, ReportLine};

/// Something that carries the id with which this pipeline created it.
#[derive(Debug)]
enum Deletion {
    Topic(DesiredTopic, String),
    Table(String),
    Keyspace,
}

/// What is deleted, and what is kept although its policy is Delete.
#[derive(Debug, Default)]
struct Deletions {
    deleted: Vec<Deletion>,
    kept: Vec<ReportLine>,
}

/// Deletes the topics, the table and the keyspace whose `deletionPolicy` is Delete and that this pipeline created; with
/// [`Mode::Plan`] only says which.
///
/// Only what still carries the id that was recorded at its creation is deleted; a keyspace only when no table is left in
/// it. Idempotent: what is gone already is no error.
///
/// # Errors
/// When Kafka or Cassandra could not be asked or told. Some things may have been deleted then.
pub async fn cleanup<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    mode: Mode,
) -> Result<ProvisionReport, ProvisionError> {
    let keyspace = &pipeline.keyspace.name;
    let has_keyspace = tables.keyspace(keyspace).await?.is_some();
    let planned = Deletions::of(pipeline, topics, tables, has_keyspace).await?;
    if mode == Mode::Plan || planned.deleted.is_empty() {
        return Ok(planned.report(pipeline, mode));
    }
    if !has_keyspace {
        // Only a topic of the embedded log can be known to be ours then, and nobody else can be at it.
        for deletion in &planned.deleted {
            deletion.make(pipeline, topics, tables).await?;
        }
        return Ok(planned.report(pipeline, mode));
    }
    let turn = Turn::take(tables, keyspace, &Owner::of(pipeline)).await?;
    let result = delete(pipeline, topics, tables, &turn).await;
    if !matches!(&result, Ok((_, KeyspaceLeft(false)))) {
        turn.end().await;
    }
    Ok(result?.0.report(pipeline, mode))
}

/// Whether the keyspace, and with it the turn, is still there.
struct KeyspaceLeft(bool);

async fn delete<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    turn: &Turn<'_, D>,
) -> Result<(Deletions, KeyspaceLeft), ProvisionError> {
    let mut planned = Deletions::of(pipeline, topics, tables, true).await?;
    let mut left = true;
    let mut deleted = Vec::new();
    for deletion in std::mem::take(&mut planned.deleted) {
        turn.keep().await?;
        if deletion.make(pipeline, topics, tables).await? {
            left &= !matches!(deletion, Deletion::Keyspace);
            tracing::info!(resource = %deletion.resource(pipeline), "deleted");
            deleted.push(deletion);
        } else {
            planned
                .kept
                .push(kept(&deletion.resource(pipeline), "kept, it is in use or was made again by somebody"));
        }
    }
    planned.deleted = deleted;
    Ok((planned, KeyspaceLeft(left)))
}

impl Deletions {
    async fn of<T: TopicAdmin, D: TableAdmin + Claims>(
        pipeline: &Pipeline,
        topics: &T,
        tables: &D,
        has_keyspace: bool,
    ) -> Result<Self, ProvisionError> {
        let owner = Owner::of(pipeline);
        let keyspace = &pipeline.keyspace.name;
        let mut found = Self::default();
        if pipeline.topic.deletion == DeletionPolicy::Delete {
            for desired in DesiredTopic::all(pipeline) {
                let claims = has_keyspace.then_some((tables, keyspace));
                found.see_topic(SeenTopic::of(desired, topics, claims).await?, &owner);
            }
        }
        if !has_keyspace {
            return Ok(found);
        }
        let table = tables.table(keyspace, &pipeline.table.name).await?;
        let mut table_is_kept = table.is_some();
        if let Some(table) = table.filter(|_| pipeline.table.deletion == DeletionPolicy::Delete) {
            let resource = Resource::Table(pipeline.table.name.clone());
            let claim = tables.claim_on(keyspace, &resource).await?;
            if may_delete(&owner, claim.as_ref(), Some(&table.id)) {
                found.deleted.push(Deletion::Table(table.id));
                table_is_kept = false;
            } else {
                found.kept.push(kept(&resource, NOT_OURS));
            }
        }
        if pipeline.keyspace.deletion == DeletionPolicy::Delete {
            let resource = Resource::Keyspace(keyspace.clone());
            let claim = tables.claim_on(keyspace, &resource).await?;
            if !may_delete(&owner, claim.as_ref(), Some(keyspace.as_str())) {
                found.kept.push(kept(&resource, NOT_OURS));
            } else if table_is_kept {
                found.kept.push(kept(&resource, "kept, its table is kept"));
            } else {
                found.deleted.push(Deletion::Keyspace);
            }
        }
        Ok(found)
    }

    fn report(self, pipeline: &Pipeline, mode: Mode) -> ProvisionReport {
        let changes = self.deleted.iter().map(|deletion| deletion.line(pipeline)).collect();
        ProvisionReport { changes, drift: self.kept, mode, ..ProvisionReport::default() }
    }

    fn see_topic(&mut self, seen: SeenTopic, owner: &Owner) {
        let Some(observed) = seen.observed else { return };
        let resource = Resource::Topic(seen.desired.name.clone());
        let managed = seen.desired.management == TopicManagementPolicy::Managed;
        match observed.id {
            Some(id) if managed && may_delete(owner, seen.claim.as_ref(), Some(&id)) => {
                self.deleted.push(Deletion::Topic(seen.desired, id));
            }
            _ => self.kept.push(kept(&resource, NOT_OURS)),
        }
    }
}

const NOT_OURS: &str = "kept, nothing shows that this pipeline created it";

fn kept(resource: &Resource, why: &str) -> ReportLine {
    let text = format!("{} {}: {why}", resource.kind(), resource.name());
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
        kept(&self.resource(pipeline), "delete")
    }

    /// Deletes it; false when it is no longer what it was, or is in use.
    async fn make<T: TopicAdmin, D: TableAdmin + Claims>(
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
            tables.forget_claim(keyspace, &self.resource(pipeline)).await?;
        }
        Ok(deleted)
    }
}
