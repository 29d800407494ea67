//! Applies the planned changes one after the other, each with its claim.

use userstream_crds::Pipeline;
use userstream_crds::identifier::Identifier;
use userstream_crds::provision_report::ReportLine;

use super::ProvisionError;
use super::admin::{AdminError, Claims, TableAdmin, TopicAdmin};
use super::lock::Lock;
use super::observation::{ProvisionPlan, table_line, topic_line};
use super::resource::{Owner, Resource};
use super::table::TableChange;
use super::topic::{DesiredTopic, TopicChange};

/// Applies the changes of a plan, except that of the keyspace, and returns them.
pub(super) async fn apply<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    plan: &ProvisionPlan,
    topics: &T,
    tables: &D,
    lock: &Lock<'_, D>,
) -> Result<Vec<ReportLine>, ProvisionError> {
    let keyspace = &pipeline.keyspace.name;
    let owner = Owner::of(pipeline);
    let mut applied = Vec::new();
    for (resource, id) in &plan.incomplete_claims {
        tables.record_claim(keyspace, resource, &owner, Some(id)).await?;
    }
    for change in &plan.table {
        lock.renew().await?;
        match change {
            TableChange::Create => create_table(pipeline, tables, &owner).await?,
            TableChange::AddColumns(columns) => tables.add_columns(&pipeline.table, columns).await?,
            TableChange::AlterOptions { to, .. } => tables.alter_options(&pipeline.table, to).await?,
        }
        applied.push(logged(table_line(pipeline, change)));
    }
    for (topic, changes) in &plan.topics {
        for change in changes {
            lock.renew().await?;
            match change {
                TopicChange::Create => create_topic(topic, topics, tables, keyspace, &owner).await?,
                TopicChange::Grow { to, .. } => topics.grow_topic(&topic.name, *to).await?,
                TopicChange::Configure(settings) => {
                    let desired =
                        settings.iter().map(|(name, (_, desired))| (name.clone(), desired.clone())).collect();
                    topics.configure_topic(&topic.name, &desired).await?;
                }
            }
            applied.push(logged(topic_line(topic, change)));
        }
    }
    Ok(applied)
}

fn logged(line: ReportLine) -> ReportLine {
    tracing::info!(resource = line.resource, change = line.text, "provisioned");
    line
}

async fn create_table<D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    tables: &D,
    owner: &Owner,
) -> Result<(), ProvisionError> {
    let (keyspace, table) = (&pipeline.keyspace.name, &pipeline.table);
    let resource = Resource::Table(table.name.clone());
    tables.record_claim(keyspace, &resource, owner, None).await?;
    let created = tables.create_table(table).await;
    delete_claim_if_refused(tables, keyspace, &resource, created).await?;
    if let Some(created) = tables.table(keyspace, &table.name).await? {
        tables.record_claim(keyspace, &resource, owner, Some(&created.id)).await?;
    }
    Ok(())
}

async fn create_topic<T: TopicAdmin, D: Claims>(
    topic: &DesiredTopic,
    topics: &T,
    claims: &D,
    keyspace: &Identifier,
    owner: &Owner,
) -> Result<(), ProvisionError> {
    let resource = Resource::Topic(topic.name.clone());
    claims.record_claim(keyspace, &resource, owner, None).await?;
    let created = topics.create_topic(topic, owner).await;
    delete_claim_if_refused(claims, keyspace, &resource, created).await?;
    if let Some(id) = topics.topic(&topic.name).await?.and_then(|created| created.id) {
        claims.record_claim(keyspace, &resource, owner, Some(&id)).await?;
    }
    Ok(())
}

/// Deletes the claim on a resource that was certainly not created, so that one created by others never counts as ours.
async fn delete_claim_if_refused<D: Claims>(
    claims: &D,
    keyspace: &Identifier,
    resource: &Resource,
    created: Result<(), AdminError>,
) -> Result<(), ProvisionError> {
    if let Err(error) = &created
        && !error.is_retryable()
    {
        claims.delete_claim(keyspace, resource).await?;
    }
    Ok(created?)
}
