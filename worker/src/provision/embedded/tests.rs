use std::cell::Cell;

use serde_json::{Value, json};
use userstream_crds::Pipeline;
use userstream_crds::identifier::TopicName;
use userstream_crds::model::Mode;
use userstream_crds::pipeline::PipelineSpec;
use userstream_crds::provision_report::{ProvisionReport, RefusalReason};
use userstream_crds::validate::validate_spec;

use super::*;
use crate::log::embedded::{EmbeddedLog, NewTopic};
use crate::provision::topic::{DesiredTopic, ObservedTopic};
use crate::provision::{ProvisionError, TopicAdmin, cleanup, run};

/// A pipeline with two partitions and three columns, with values replaced by JSON pointers.
fn pipeline(changes: &[(&str, Value)]) -> Pipeline {
    named("users", changes)
}

fn named(name: &str, changes: &[(&str, Value)]) -> Pipeline {
    let mut spec = json!({
        "source": {"generator": {}},
        "schema": {"fields": [
            {"name": "id", "type": "uuid", "from": "login.uuid", "required": true},
            {"name": "first_name", "type": "string", "from": "name.first"},
            {"name": "nat", "type": "string"},
        ]},
        "kafka": {
            "bootstrapServers": "kafka:9092",
            "topic": {"name": "users_created", "partitions": 2, "config": {"retention.ms": "1000"}},
            "keyField": "id",
        },
        "processor": {},
        "sink": {"cassandra": {
            "contactPoints": ["cassandra:9042"],
            "keyspace": {"name": "spark_streams"},
            "table": {"name": "created_users", "partitionKey": ["id"], "options": {"comment": "users"}},
        }},
        "delivery": {},
    });
    for (pointer, value) in changes {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(last.to_owned(), value.clone());
    }
    let spec: PipelineSpec = serde_json::from_value(spec).unwrap();
    validate_spec("demo", name, &spec).unwrap_or_else(|violations| panic!("{violations:?}"))
}

const TOPIC: &str = "/kafka/topic";
const TABLE: &str = "/sink/cassandra/table";
const KEYSPACE: &str = "/sink/cassandra/keyspace";

fn at(place: &str, field: &str) -> String {
    format!("{place}/{field}")
}

/// The pipeline with one more column and one more partition.
fn grown() -> Pipeline {
    let fields = json!([
        {"name": "id", "type": "uuid", "from": "login.uuid", "required": true},
        {"name": "first_name", "type": "string", "from": "name.first"},
        {"name": "nat", "type": "string"},
        {"name": "age", "type": "int"},
    ]);
    pipeline(&[("/schema/fields", fields), (&at(TOPIC, "partitions"), json!(3))])
}

struct Files {
    directory: DataDirectory,
    topics: EmbeddedTopicAdmin,
    _parent: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(parent.path()).unwrap();
        let topics = EmbeddedTopicAdmin::ReadWrite(EmbeddedLog::open(&directory).unwrap());
        Self { directory, topics, _parent: parent }
    }

    fn tables(&self) -> EmbeddedTableAdmin<'_> {
        EmbeddedTableAdmin::ReadWrite(&self.directory)
    }

    async fn run(&self, pipeline: &Pipeline, mode: Mode) -> ProvisionReport {
        run(pipeline, &self.topics, &self.tables(), mode).await.unwrap()
    }

    async fn clean_up(&self, pipeline: &Pipeline) -> ProvisionReport {
        cleanup(pipeline, &self.topics, &self.tables(), Mode::Apply).await.unwrap()
    }

    async fn topic(&self, name: &str) -> Option<ObservedTopic> {
        self.topics.topic(&name.parse().unwrap()).await.unwrap()
    }

    async fn table(&self, pipeline: &Pipeline) -> Option<ObservedTable> {
        self.tables().table(&pipeline.keyspace.name, &pipeline.table.name).await.unwrap()
    }
}

fn lines(report: &ProvisionReport) -> Vec<&str> {
    report.lines().collect()
}

const CREATED: [&str; 5] = [
    "keyspace spark_streams: create, replication {class: NetworkTopologyStrategy, datacenter1: 3}",
    "table spark_streams.created_users: create, 3 columns, primary key ((id))",
    "topic users_created: create, partitions 2, replicas broker default, retention.ms=1000",
    "topic users_created.dlq: create, partitions 1, replicas broker default, max.message.bytes=17825792, retention.ms=-1",
    "topic users_created.positions: create, partitions 1, replicas broker default, cleanup.policy=compact",
];

#[tokio::test]
async fn second_run_changes_nothing() {
    let files = Files::new();
    let first = files.run(&pipeline(&[]), Mode::Apply).await;
    assert_eq!(lines(&first), CREATED);
    let topic = first.topic.clone().unwrap();
    assert_eq!((topic.name.as_str(), topic.partitions, topic.created_by_us), ("users_created", 2, true));
    assert_eq!(topic.topic_id, files.topic("users_created").await.unwrap().id);
    let table = first.table.clone().unwrap();
    assert!(table.created_by_us);
    assert!(table.last_ddl.unwrap().starts_with("CREATE TABLE"));
    let second = files.run(&pipeline(&[]), Mode::Apply).await;
    assert!(lines(&second).is_empty(), "{second:?}");
    assert_eq!(second.topic, first.topic);
    assert_eq!(second.table.unwrap().table_id, table.table_id);
}

#[tokio::test]
async fn plan_reports_the_changes_and_applies_none() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let topics = EmbeddedTopicAdmin::ReadOnly(missing.clone());
    let planned =
        run(&pipeline(&[]), &topics, &EmbeddedTableAdmin::ReadOnly(&missing), Mode::Plan).await.unwrap();
    assert_eq!(lines(&planned), CREATED);
    assert!(!missing.exists());

    let files = Files::new();
    files.run(&pipeline(&[]), Mode::Apply).await;
    let before = (files.topic("users_created").await, files.table(&pipeline(&[])).await);
    let planned = files.run(&grown(), Mode::Plan).await;
    assert_eq!((files.topic("users_created").await, files.table(&pipeline(&[])).await), before);
    let done = files.run(&grown(), Mode::Apply).await;
    assert_eq!(lines(&planned), lines(&done));
    assert_eq!(
        lines(&done),
        ["table spark_streams.created_users: add column age int", "topic users_created: partitions 2 -> 3"]
    );
}

#[tokio::test]
async fn single_refusal_prevents_every_change() {
    let files = Files::new();
    files.run(&grown(), Mode::Apply).await;
    let before = (files.topic("users_created").await, files.table(&grown()).await);
    let fields = json!([
        {"name": "id", "type": "uuid", "from": "login.uuid", "required": true},
        {"name": "brand_new", "type": "string"},
    ]);
    let report = files.run(&pipeline(&[("/schema/fields", fields)]), Mode::Apply).await;
    assert_eq!(
        report.refusals.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(),
        [RefusalReason::Shrink]
    );
    assert!(report.changes.is_empty());
    assert_eq!((files.topic("users_created").await, files.table(&grown()).await), before);
}

#[tokio::test]
async fn resources_of_others_are_refused_without_adoption() {
    let files = Files::new();
    let other = named("others", &[(&at(TABLE, "name"), json!("other_users"))]);
    files.run(&other, Mode::Apply).await;
    let report = files.run(&pipeline(&[]), Mode::Apply).await;
    let refused: Vec<_> =
        report.refusals.iter().map(|refusal| (refusal.resource.as_str(), refusal.reason)).collect();
    assert_eq!(
        refused,
        [
            ("topic/users_created", RefusalReason::Conflict),
            ("topic/users_created.dlq", RefusalReason::Conflict),
            ("topic/users_created.positions", RefusalReason::Conflict),
        ]
    );
    assert_eq!(files.table(&pipeline(&[])).await, None);
    let adopting = pipeline(&[(&at(TOPIC, "adoptionPolicy"), json!("Adopt"))]);
    let report = files.run(&adopting, Mode::Apply).await;
    assert_eq!(lines(&report), [CREATED[1]]);
    assert!(!report.topic.unwrap().created_by_us);
    // Tables cannot be adopted, because two pipelines would write into one.
    let report =
        files.run(&named("third", &[(&at(TOPIC, "adoptionPolicy"), json!("Adopt"))]), Mode::Apply).await;
    assert_eq!(
        report.refusals.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(),
        [RefusalReason::Conflict]
    );
}

/// A pipeline that deletes its topics, table and keyspace.
fn deleting() -> Pipeline {
    pipeline(&[
        (&at(TOPIC, "deletionPolicy"), json!("Delete")),
        (&at(TABLE, "deletionPolicy"), json!("Delete")),
        (&at(KEYSPACE, "deletionPolicy"), json!("Delete")),
    ])
}

/// A second pipeline in the same keyspace, with these deletion policies.
fn neighbour(policies: &[(&str, &str)]) -> Pipeline {
    let names = [(TABLE, "name", "created_users2"), (TOPIC, "name", "users_created2")];
    let policies = policies.iter().map(|(place, policy)| (*place, "deletionPolicy", *policy));
    let changes: Vec<(String, Value)> = names
        .into_iter()
        .chain(policies)
        .map(|(place, field, value)| (at(place, field), json!(value)))
        .collect();
    let changes: Vec<(&str, Value)> =
        changes.iter().map(|(pointer, value)| (pointer.as_str(), value.clone())).collect();
    named("others", &changes)
}

#[tokio::test]
async fn cleanup_deletes_what_the_pipeline_created_and_nothing_else() {
    let files = Files::new();
    let (all, neighbour) = (deleting(), neighbour(&[]));
    files.run(&all, Mode::Apply).await;
    files.run(&neighbour, Mode::Apply).await;

    let planned = cleanup(&all, &files.topics, &files.tables(), Mode::Plan).await.unwrap();
    assert!(files.topic("users_created").await.is_some());
    assert_eq!(
        lines(&planned),
        [
            "topic users_created: delete",
            "topic users_created.dlq: delete",
            "topic users_created.positions: delete",
            "table created_users: delete",
            "keyspace spark_streams: delete",
        ]
    );
    let done = files.clean_up(&all).await;
    assert_eq!(
        lines(&done),
        [
            "topic users_created: delete",
            "topic users_created.dlq: delete",
            "topic users_created.positions: delete",
            "table created_users: delete",
            "keyspace spark_streams: kept, in use or recreated meanwhile",
        ]
    );
    assert_eq!((files.topic("users_created").await, files.table(&all).await), (None, None));
    assert!(files.topic("users_created2").await.is_some());
    assert!(files.table(&neighbour).await.is_some());
}

#[tokio::test]
async fn keyspace_is_deleted_by_its_creator_once_it_is_empty() {
    let files = Files::new();
    let (all, neighbour) = (deleting(), neighbour(&[(TABLE, "Delete"), (KEYSPACE, "Delete")]));
    files.run(&all, Mode::Apply).await;
    files.run(&neighbour, Mode::Apply).await;
    files.clean_up(&all).await;
    let done = files.clean_up(&neighbour).await;
    assert_eq!(
        lines(&done),
        [
            "table created_users2: delete",
            "keyspace spark_streams: kept, no claim shows that this pipeline created it",
        ]
    );
    assert!(files.topic("users_created2").await.is_some(), "its policy is Retain");
    assert_eq!(lines(&files.clean_up(&all).await), ["keyspace spark_streams: delete"]);
    assert!(lines(&files.clean_up(&all).await).is_empty(), "a second cleanup does nothing");
}

#[tokio::test]
async fn cleanup_keeps_recreated_resources() {
    let files = Files::new();
    let delete = json!("Delete");
    let pipeline =
        pipeline(&[(&at(TOPIC, "deletionPolicy"), delete.clone()), (&at(TABLE, "deletionPolicy"), delete)]);
    let first = files.run(&pipeline, Mode::Apply).await;
    let EmbeddedTopicAdmin::ReadWrite(log) = &files.topics else { unreachable!("opened above") };
    assert!(log.delete_topic("users_created", &first.topic.unwrap().topic_id.unwrap()).await.unwrap());
    let by_hand = NewTopic {
        name: "users_created".to_owned(),
        partitions: 2,
        config: BTreeMap::new(),
        created_by: "a person".to_owned(),
    };
    assert!(log.create_topic(by_hand).await.unwrap());
    assert!(files.tables().drop_table(&pipeline.table, &first.table.unwrap().table_id).await.unwrap());
    files.tables().create_table(&pipeline.table).await.unwrap();

    let done = files.clean_up(&pipeline).await;
    assert_eq!(
        lines(&done),
        [
            "topic users_created.dlq: delete",
            "topic users_created.positions: delete",
            "topic users_created: kept, no claim shows that this pipeline created it",
            "table created_users: kept, no claim shows that this pipeline created it",
        ]
    );
    assert!(files.topic("users_created").await.is_some());
    assert!(files.table(&pipeline).await.is_some());
}

/// Fails every call after a number of changes: before or after the last change is applied.
struct Interrupted<'a, A> {
    inner: &'a A,
    remaining: &'a Cell<u32>,
    after: bool,
}

impl<A> Interrupted<'_, A> {
    async fn change<T>(&self, change: impl Future<Output = Result<T, AdminError>>) -> Result<T, AdminError> {
        let killed =
            || AdminError::Unavailable { what: "the test", cause: "killed", source: "killed".into() };
        let last = self.remaining.get() == 0;
        self.remaining.set(self.remaining.get().saturating_sub(1));
        if last && !self.after {
            return Err(killed());
        }
        let result = change.await;
        if last { Err(killed()) } else { result }
    }
}

impl<A: TopicAdmin> TopicAdmin for Interrupted<'_, A> {
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError> {
        let topic = self.inner.topic(name).await?;
        // As in Kafka, only the claims record who created a topic.
        Ok(topic.map(|topic| ObservedTopic { created_by: None, ..topic }))
    }

    async fn create_topic(&self, topic: &DesiredTopic, owner: &Owner) -> Result<(), AdminError> {
        self.change(self.inner.create_topic(topic, owner)).await
    }

    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError> {
        self.change(self.inner.grow_topic(name, partitions)).await
    }

    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError> {
        self.change(self.inner.configure_topic(name, settings)).await
    }

    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError> {
        self.change(self.inner.delete_topic(name, id)).await
    }
}

impl<A: TableAdmin> TableAdmin for Interrupted<'_, A> {
    async fn datacenters(&self) -> Result<Option<Datacenters>, AdminError> {
        self.inner.datacenters().await
    }

    async fn keyspace(&self, name: &Identifier) -> Result<Option<ObservedKeyspace>, AdminError> {
        self.inner.keyspace(name).await
    }

    async fn table(
        &self,
        keyspace: &Identifier,
        name: &Identifier,
    ) -> Result<Option<ObservedTable>, AdminError> {
        self.inner.table(keyspace, name).await
    }

    async fn has_tables(&self, keyspace: &Identifier) -> Result<bool, AdminError> {
        self.inner.has_tables(keyspace).await
    }

    async fn create_keyspace(&self, keyspace: &Keyspace) -> Result<(), AdminError> {
        self.change(self.inner.create_keyspace(keyspace)).await
    }

    async fn create_table(&self, table: &Table) -> Result<(), AdminError> {
        self.change(self.inner.create_table(table)).await
    }

    async fn add_columns(&self, table: &Table, columns: &[(Identifier, CqlType)]) -> Result<(), AdminError> {
        self.change(self.inner.add_columns(table, columns)).await
    }

    async fn alter_options(&self, table: &Table, options: &TableOptions) -> Result<(), AdminError> {
        self.change(self.inner.alter_options(table, options)).await
    }

    async fn drop_table(&self, table: &Table, id: &str) -> Result<bool, AdminError> {
        self.change(self.inner.drop_table(table, id)).await
    }

    async fn drop_keyspace(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        self.change(self.inner.drop_keyspace(keyspace)).await
    }
}

impl<A: Claims> Claims for Interrupted<'_, A> {
    async fn claim_on(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
    ) -> Result<Option<Claim>, AdminError> {
        self.inner.claim_on(keyspace, resource).await
    }

    async fn prepare_claims(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        self.change(self.inner.prepare_claims(keyspace)).await
    }

    async fn record_claim(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
        owner: &Owner,
        id: Option<&str>,
    ) -> Result<(), AdminError> {
        self.change(self.inner.record_claim(keyspace, resource, owner, id)).await
    }

    async fn delete_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError> {
        self.change(self.inner.delete_claim(keyspace, resource)).await
    }

    async fn acquire_lock(&self, keyspace: &Identifier, holder: &str) -> Result<bool, AdminError> {
        self.change(self.inner.acquire_lock(keyspace, holder)).await
    }

    async fn release_lock(&self, keyspace: &Identifier, holder: &str) -> Result<(), AdminError> {
        self.change(self.inner.release_lock(keyspace, holder)).await
    }
}

#[tokio::test]
async fn next_run_completes_a_run_killed_at_any_point() {
    let delete = json!("Delete");
    let pipeline =
        pipeline(&[(&at(TOPIC, "deletionPolicy"), delete.clone()), (&at(TABLE, "deletionPolicy"), delete)]);
    let unlimited = Cell::new(u32::MAX);
    for after in [false, true] {
        for kill_at in 0.. {
            let files = Files::new();
            let tables = files.tables();
            let remaining = Cell::new(kill_at);
            let killed = {
                let (topics, tables) = (
                    Interrupted { inner: &files.topics, remaining: &remaining, after },
                    Interrupted { inner: &tables, remaining: &remaining, after },
                );
                run(&pipeline, &topics, &tables, Mode::Apply).await
            };
            let place = format!("killed {} change {kill_at}", if after { "after" } else { "before" });
            let (topics, tables) = (
                Interrupted { inner: &files.topics, remaining: &unlimited, after },
                Interrupted { inner: &tables, remaining: &unlimited, after },
            );
            let finished = run(&pipeline, &topics, &tables, Mode::Apply).await.unwrap();
            assert!(finished.refusals.is_empty(), "{place}: {finished:?}");
            assert!(finished.topic.is_some_and(|topic| topic.created_by_us), "{place}");
            assert!(finished.table.is_some_and(|table| table.created_by_us), "{place}");
            let second = run(&pipeline, &topics, &tables, Mode::Plan).await.unwrap();
            assert!(lines(&second).is_empty(), "{place}: {second:?}");
            // Cleanup deletes only what has its id recorded in a claim.
            let deleted = cleanup(&pipeline, &topics, &tables, Mode::Apply).await.unwrap();
            assert_eq!(deleted.changes.len(), 4, "{place}: {:?}", lines(&deleted));
            if killed.is_ok() {
                // The run completed before the kill.
                assert!(kill_at > 10, "only {kill_at} changes");
                break;
            }
        }
    }
}

/// Claims of a keyspace whose lock another holder never releases.
struct Locked<'a>(EmbeddedTableAdmin<'a>);

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(async fn $method(&self, $($argument: $type),*) -> Result<$result, AdminError> {
            self.0.$method($($argument),*).await
        })*
    };
}

impl TableAdmin for Locked<'_> {
    forward! {
        datacenters() -> Option<Datacenters>;
        keyspace(name: &Identifier) -> Option<ObservedKeyspace>;
        table(keyspace: &Identifier, name: &Identifier) -> Option<ObservedTable>;
        has_tables(keyspace: &Identifier) -> bool;
        create_keyspace(keyspace: &Keyspace) -> ();
        create_table(table: &Table) -> ();
        add_columns(table: &Table, columns: &[(Identifier, CqlType)]) -> ();
        alter_options(table: &Table, options: &TableOptions) -> ();
        drop_table(table: &Table, id: &str) -> bool;
        drop_keyspace(keyspace: &Identifier) -> ();
    }
}

impl Claims for Locked<'_> {
    forward! {
        claim_on(keyspace: &Identifier, resource: &Resource) -> Option<Claim>;
        prepare_claims(keyspace: &Identifier) -> ();
        record_claim(keyspace: &Identifier, resource: &Resource, owner: &Owner, id: Option<&str>) -> ();
        delete_claim(keyspace: &Identifier, resource: &Resource) -> ();
        release_lock(keyspace: &Identifier, holder: &str) -> ();
    }

    async fn acquire_lock(&self, _: &Identifier, _: &str) -> Result<bool, AdminError> {
        Ok(false)
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_while_another_run_has_the_lock() {
    let files = Files::new();
    let error = run(&pipeline(&[]), &files.topics, &Locked(files.tables()), Mode::Apply).await.unwrap_err();
    assert!(matches!(&error, ProvisionError::LockTimeout { .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!(files.topic("users_created").await, None);
    assert_eq!(files.table(&pipeline(&[])).await, None);
}
