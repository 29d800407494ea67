//! The baseline: a minimal consumer loop. It parses each record into a struct, writes with 128 requests in flight, and once
//! per second waits for them and commits.
//!
//! It gives none of the worker's guarantees. A record that does not parse or a write that fails ends it. It neither maps,
//! retries, dead-letters nor bounds anything, and reports no status.

use std::path::Path;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;
use serde::Deserialize;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::worker::Worker;
use uuid::Uuid;

/// The command-line argument that starts it, before the broker, the topic, the group and the node.
pub(crate) const COMMAND: &str = "plain-loop";
/// The name of its log.
pub(crate) const LOG: &str = "plain_loop";

const IN_FLIGHT: usize = 128;
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// A record of the topic.
#[derive(Deserialize)]
struct User {
    id: Uuid,
    first_name: String,
    last_name: String,
    gender: String,
    street: String,
    city: String,
    post_code: String,
    email: String,
    username: String,
    dob: jiff::Timestamp,
    registered_date: jiff::Timestamp,
    phone: String,
    picture: String,
    fetched_at: jiff::Timestamp,
}

/// Starts it as a child process, under a profiling tool if one is given.
pub(crate) fn start(tool: &[&str], rig: &Rig, pipeline: &Pipeline, group: &str) -> Worker {
    let own = std::env::current_exe().expect("the path of the running program is known");
    let own = own.to_str().expect("the program's path is UTF-8");
    let command = [own, COMMAND, &rig.kafka, &pipeline.name, group, &rig.cassandra];
    let command = [tool, &command].concat();
    let [program, arguments @ ..] = command.as_slice() else { panic!("the command has no program") };
    Worker::start_program(Path::new(program), arguments, &pipeline.log(LOG), None)
}

/// Runs until it is killed.
pub(crate) async fn run(arguments: &[String]) {
    let [broker, topic, group, node] = arguments else { panic!("{COMMAND} BROKER TOPIC GROUP NODE") };
    let consumer = subscribe(broker, topic, group);
    let (session, insert) = prepare(node, topic).await;

    let mut writes = FuturesUnordered::new();
    let mut commits = tokio::time::interval(COMMIT_INTERVAL);
    loop {
        tokio::select! {
            written = writes.next(), if writes.len() >= IN_FLIGHT => {
                let written: Option<Result<_, ExecutionError>> = written;
                written.expect("a write is in flight").expect("the row is written");
            }
            message = consumer.recv(), if writes.len() < IN_FLIGHT => {
                let message = message.expect("Kafka answers");
                let user: User = serde_json::from_slice(message.payload().unwrap_or_default()).expect("it is a user");
                writes.push(user.write(&session, &insert));
            }
            _ = commits.tick() => {
                while let Some(written) = writes.next().await {
                    written.expect("the row is written");
                }
                // It fails as long as nothing has been read.
                let _ = consumer.commit_consumer_state(CommitMode::Async);
            }
        }
    }
}

fn subscribe(broker: &str, topic: &str, group: &str) -> StreamConsumer {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer can be created");
    consumer.subscribe(&[topic]).expect("the topic can be subscribed to");
    consumer
}

async fn prepare(node: &str, keyspace: &str) -> (Session, PreparedStatement) {
    let profile = ExecutionProfile::builder().consistency(Consistency::LocalOne).build();
    let builder =
        SessionBuilder::new().known_node(node).default_execution_profile_handle(profile.into_handle());
    let session = builder.build().await.expect("Cassandra answers");
    let insert = format!(
        "INSERT INTO {keyspace}.users (id, first_name, last_name, gender, street, city, post_code, email, username, dob, \
         registered_date, phone, picture, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let insert = session.prepare(insert).await.expect("the statement can be prepared");
    (session, insert)
}

impl User {
    async fn write(
        self,
        session: &Session,
        insert: &PreparedStatement,
    ) -> Result<QueryResult, ExecutionError> {
        let (dob, registered, fetched) =
            (timestamp(self.dob), timestamp(self.registered_date), timestamp(self.fetched_at));
        let row = (
            self.id,
            self.first_name,
            self.last_name,
            self.gender,
            self.street,
            self.city,
            self.post_code,
            self.email,
            self.username,
            dob,
            registered,
            self.phone,
            self.picture,
            fetched,
        );
        session.execute_unpaged(insert, row).await
    }
}

fn timestamp(time: jiff::Timestamp) -> CqlTimestamp {
    CqlTimestamp(time.as_millisecond())
}
