//! A pipeline for one test: unique names, a spec to modify, and the workers that run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::names::unique;
use crate::oracle::{Comparison, Model};
use crate::record::TopicRecord;
use crate::rig::Rig;
use crate::secrets::Secrets;
use crate::table::Cassandra;
use crate::topic::Kafka;
use crate::users;
use crate::worker::{Worker, binary};

/// A pipeline whose topic, keyspace and consumer group share a name. Its records are users and its table is `users`.
#[derive(Debug)]
pub struct Pipeline {
    /// The name of its topic, its keyspace and its consumer group.
    pub name: String,
    /// Its spec, to be modified before workers are started.
    pub spec: Value,
    /// The Secrets that its spec may reference.
    pub secrets: Secrets,
    /// A connection to its broker.
    pub kafka: Kafka,
    /// A session with its node.
    pub cassandra: Cassandra,
    /// The folder of the test's files.
    pub directory: PathBuf,
}

/// The columns of the table without its key.
pub fn columns() -> Vec<&'static str> {
    users::FIELDS.iter().map(|(name, ..)| *name).filter(|name| *name != "id").collect()
}

impl Pipeline {
    /// A pipeline without a source, on the rig's open servers. It maps the users that the test appends to its topic.
    ///
    /// # Panics
    /// When its folder cannot be created.
    pub async fn without_source(rig: &Rig, test: &str) -> Self {
        let name = unique(test);
        let directory = rig.directory.join("tests").join(&name);
        fs::create_dir_all(&directory).expect("the test's folder can be created");
        let spec = json!({
            "schema": {"fields": users::schema_fields()},
            "kafka": {"bootstrapServers": rig.kafka, "topic": {"name": name, "partitions": 4}},
            "processor": {"consumerGroup": name},
            "sink": {"cassandra": {
                "contactPoints": [rig.cassandra],
                "keyspace": {"name": name, "replication": {"class": "NetworkTopologyStrategy", "datacenter1": 1}},
                "table": {"name": "users", "partitionKey": ["id"]},
            }},
        });
        Self {
            spec,
            secrets: Secrets::new(directory.join("secrets")),
            kafka: Kafka::connect(rig),
            cassandra: Cassandra::connect(rig).await,
            directory,
            name,
        }
    }

    /// The name of the dead-letter topic.
    pub fn dead_letter_topic(&self) -> String {
        format!("{}.dlq", self.name)
    }

    /// Starts `worker COMMAND ARGUMENTS... --config FILE`. Workers with the same `instance` share a log.
    ///
    /// # Panics
    /// When the configuration cannot be written or the worker cannot be started.
    pub fn start_with(&self, instance: &str, command: &str, arguments: &[&str]) -> Worker {
        let (file, listen) = self.configure(instance);
        let arguments = [&[command], arguments, &["--config", &file]].concat();
        Worker::start(&arguments, &self.log(instance), Some(listen))
    }

    /// Starts `TOOL... worker COMMAND --config FILE`. The tool is a program with its arguments, such as a profiler.
    ///
    /// # Panics
    /// When the configuration cannot be written or the tool cannot be started.
    pub fn start_under(&self, tool: &[&str], instance: &str, command: &str) -> Worker {
        let (file, listen) = self.configure(instance);
        let worker = binary();
        let worker = worker.to_str().expect("the worker's path is UTF-8");
        let [program, arguments @ ..] = tool else { panic!("the tool has no program") };
        let arguments = [arguments, &[worker, command, "--config", &file]].concat();
        Worker::start_program(Path::new(program), &arguments, &self.log(instance), Some(listen))
    }

    /// The file that workers with this `instance` log to.
    pub fn log(&self, instance: &str) -> PathBuf {
        self.directory.join(format!("{instance}.log"))
    }

    /// Writes a worker's configuration, and returns its path and the address that the worker will serve at.
    fn configure(&self, instance: &str) -> (String, String) {
        let listen = free_address();
        let config = json!({
            "version": 1,
            "pipeline": {"namespace": "e2e", "name": self.name.replace('_', "-")},
            "spec": self.spec,
            "secretsDirectory": self.secrets.directory,
            "allowedPrivateRanges": ["127.0.0.0/8"],
            "listen": listen,
            "terminationMessagePath": self.termination_message_path(instance),
            "logFormat": "Text",
        });
        let file = self.directory.join(format!("{instance}.json"));
        fs::write(&file, format!("{config:#}")).expect("the configuration can be written");
        (file.into_os_string().into_string().expect("the rig's folder has a UTF-8 name"), listen)
    }

    /// Starts a worker without further arguments.
    pub fn start(&self, instance: &str, command: &str) -> Worker {
        self.start_with(instance, command, &[])
    }

    /// Starts a processor.
    pub fn process(&self) -> Worker {
        self.start("processor", "process")
    }

    /// Runs a one-shot worker until it exits, and returns its exit code.
    pub async fn run(&self, command: &str) -> i32 {
        self.start(command, command).exit(Duration::from_secs(60)).await
    }

    /// Provisions the topics, the keyspace and the table.
    ///
    /// # Panics
    /// When `worker provision` does not exit 0.
    pub async fn provision(&self) {
        let mut worker = self.start("provision", "provision");
        let code = worker.exit(Duration::from_secs(60)).await;
        assert_eq!(code, 0, "worker provision failed");
    }

    /// The termination message of a worker.
    ///
    /// # Panics
    /// When there is none, or it is not JSON.
    pub fn termination_message(&self, instance: &str) -> Value {
        let text = fs::read_to_string(self.termination_message_path(instance))
            .expect("there is a termination message");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn termination_message_path(&self, instance: &str) -> PathBuf {
        self.directory.join(format!("{instance}.termination"))
    }

    /// Waits until the processors have committed the whole topic.
    pub async fn await_processed(&self, within: Duration) {
        self.kafka.await_committed(&self.name, &self.name, within).await;
    }

    /// Compares the table with the fold of the topic. `values` maps a record to its row, or to none for an errant record.
    pub async fn compare_table(
        &self,
        values: impl Fn(&TopicRecord) -> Option<crate::oracle::Values>,
    ) -> Comparison {
        let records = self.kafka.records(&self.name).await;
        let model = Model::fold(&records, values);
        let comparison = model.compare(&self.rows().await);
        println!("{}: {} records folded, {comparison}", self.name, model.records);
        comparison
    }

    /// All rows of the table.
    pub async fn rows(&self) -> Vec<crate::oracle::Row> {
        self.cassandra.rows(&self.name, "users", "id", &columns()).await
    }
}

/// An address in 127.0.0.0/8 that this process has not returned before. Other programs listen on 127.0.0.1.
fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let (process, next) = (std::process::id().to_be_bytes(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("127.{}.{}.{}:{}", process[2].max(1), process[3], next % 250 + 1, 8080 + next / 250)
}
