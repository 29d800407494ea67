//! What the worker is compared with: the loop that one writes in an afternoon. It reads, parses into a struct, writes with 128
//! requests in flight, and waits for them every second to commit. It has none of the worker's promises: one record that does not parse, or one
//! write that fails, ends it; nothing is mapped, retried, dead-lettered or bounded, and nothing tells how it is.

use std::path::Path;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::value::CqlTimestamp;
use serde::Deserialize;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::worker::Worker;
use uuid::Uuid;

/// The argument that starts it; the broker, the topic, the group and the node follow.
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

/// Starts it, in a process of its own and under a tool that looks at it, if there is one.
pub(crate) fn start(tool: &[&str], rig: &Rig, pipeline: &Pipeline, group: &str) -> Worker {
    let own = std::env::current_exe().expect("a program knows where it is");
    let own = own.to_str().expect("the program's path is UTF-8");
    let command = [own, COMMAND, &rig.kafka, &pipeline.name, group, &rig.cassandra];
    let command = [tool, &command].concat();
    let [program, arguments @ ..] = command.as_slice() else { panic!("there is a program") };
    Worker::start_program(Path::new(program), arguments, &pipeline.log(LOG), None)
}

/// Runs until it is killed.
pub(crate) async fn run(arguments: &[String]) {
    let [broker, topic, group, node] = arguments else { panic!("{COMMAND} BROKER TOPIC GROUP NODE") };
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer can be made");
    consumer.subscribe(&[topic]).expect("the topic can be subscribed to");
    let profile = ExecutionProfile::builder().consistency(Consistency::LocalOne).build();
    let builder =
        SessionBuilder::new().known_node(node).default_execution_profile_handle(profile.into_handle());
    let session = builder.build().await.expect("Cassandra answers");
    let insert = format!(
        "INSERT INTO {topic}.users (id, first_name, last_name, gender, street, city, post_code, email, username, dob, \
         registered_date, phone, picture, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let insert = session.prepare(insert).await.expect("the statement can be prepared");

    let mut writes = FuturesUnordered::new();
    let mut commits = tokio::time::interval(COMMIT_INTERVAL);
    loop {
        tokio::select! {
            written = writes.next(), if writes.len() >= IN_FLIGHT => {
                let written: Option<Result<_, scylla::errors::ExecutionError>> = written;
                written.expect("some are on their way").expect("the row is written");
            }
            message = consumer.recv(), if writes.len() < IN_FLIGHT => {
                let message = message.expect("Kafka answers");
                let user: User = serde_json::from_slice(message.payload().unwrap_or_default()).expect("it is a user");
                let (session, insert) = (&session, &insert);
                writes.push(async move {
                    let (dob, registered, fetched) =
                        (timestamp(user.dob), timestamp(user.registered_date), timestamp(user.fetched_at));
                    let row = (
                        user.id, user.first_name, user.last_name, user.gender, user.street, user.city, user.post_code,
                        user.email, user.username, dob, registered, user.phone, user.picture, fetched,
                    );
                    session.execute_unpaged(insert, row).await
                });
            }
            _ = commits.tick() => {
                while let Some(written) = writes.next().await {
                    written.expect("the row is written");
                }
                // An error is that nothing was read yet.
                let _ = consumer.commit_consumer_state(CommitMode::Async);
            }
        }
    }
}

fn timestamp(time: jiff::Timestamp) -> CqlTimestamp {
    CqlTimestamp(time.as_millisecond())
}
