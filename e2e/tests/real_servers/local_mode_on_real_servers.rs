//! `usp local --kafka` and `--cassandra`: local runs on a real server instead of a file.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use userstream_e2e::cluster::programs;
use userstream_e2e::oracle::Model;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::users;

const PAGE: usize = 20;

/// A pipeline for `usp local`: its resource file, its data folder, and the servers that it uses.
struct LocalRun {
    pipeline: Pipeline,
    servers: Vec<String>,
    file: PathBuf,
}

impl LocalRun {
    /// With `source`, on the servers of these command-line options.
    async fn new(rig: &Rig, test: &str, source: Value, options: &[&str]) -> Self {
        let mut pipeline = Pipeline::without_source(rig, test).await;
        pipeline.spec["source"] = source;
        pipeline.spec["kafka"]["keyField"] = json!("id");
        // The command line overrides the servers of the resource.
        pipeline.spec["kafka"]["bootstrapServers"] = json!("kafka.invalid:9092");
        pipeline.spec["sink"]["cassandra"]["contactPoints"] = json!(["cassandra.invalid:9042"]);
        let resource = json!({
            "apiVersion": "userstream.dev/v1alpha1",
            "kind": "UserStreamPipeline",
            "metadata": {"name": pipeline.name.replace('_', "-"), "namespace": "e2e"},
            "spec": pipeline.spec,
        });
        let file = pipeline.directory.join("pipeline.yaml");
        // JSON is YAML.
        std::fs::write(&file, format!("{resource:#}")).expect("the resource can be written");
        let address = |option: &&str| if *option == "--kafka" { &rig.kafka } else { &rig.cassandra };
        let servers =
            options.iter().flat_map(|option| [(*option).to_owned(), address(option).clone()]).collect();
        Self { pipeline, servers, file }
    }

    fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut usp = Command::new(programs().join("usp"));
        usp.arg(command).arg(&self.file).args(arguments).args(["--output", "json", "--data"]);
        usp.arg(self.pipeline.directory.join("data")).stdin(Stdio::null()).kill_on_drop(true);
        usp
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let log = std::fs::File::create(self.pipeline.directory.join("usp.log")).expect("a log");
        let mut usp = self.command("local", arguments);
        usp.args(&self.servers).stdout(Stdio::piped()).stderr(log).spawn().expect("usp was built")
    }

    /// Runs `usp local` until it exits, and returns its summary.
    async fn run(&self, arguments: &[&str]) -> Value {
        let output = self.start(arguments).wait_with_output().await.expect("usp exits");
        let log = std::fs::read_to_string(self.pipeline.directory.join("usp.log")).unwrap_or_default();
        assert!(
            output.status.success(),
            "usp exited with {}: {log}\n(built with --features userstream-cli/kafka,userstream-cli/cassandra?)",
            output.status
        );
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {text}{log}"))
    }
}

/// A source of the recorded users, page by page, and its spec.
async fn recorded_users() -> (Source, Value) {
    let source = Source::start(|_, request| {
        let number: usize = request.query["page"].parse().expect("the page is a number");
        let users: Vec<&Value> = users::recorded().iter().skip((number - 1) * PAGE).take(PAGE).collect();
        Reply::Json(json!({"results": users}).to_string())
    })
    .await;
    let spec = json!({
        "mode": "Continuous",
        "http": {
            "url": format!("{}/api/", source.url),
            "interval": "1h",
            "recordsPath": "results",
            "pagination": {"type": "Page", "parameter": "page"},
            "rateLimit": {"requests": 100, "per": "1s"},
        },
    });
    (source, spec)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_local_run_only_updates_the_rows() {
    let rig = Rig::shared().await;
    let (_source, spec) = recorded_users().await;
    let local = LocalRun::new(&rig, "local_both", spec, &["--kafka", "--cassandra"]).await;
    for run in 1..=2 {
        let summary = local.run(&["--once"]).await;
        let all = users::recorded().len();
        assert_eq!(summary["recordsRead"], all, "{summary}");
        assert_eq!((&summary["rowsWritten"], &summary["lag"]), (&json!(all), &json!(0)), "{summary}");
        assert_eq!((&summary["deadLetters"], &summary["error"]), (&json!(0), &Value::Null), "{summary}");

        let records = local.pipeline.kafka.records(&local.pipeline.name).await;
        assert_eq!(records.len(), run * all);
        let model = Model::fold(&records, |record| {
            let id = std::str::from_utf8(record.key.as_deref()?).expect("the key is text");
            let user = users::recorded().iter().find(|user| user["login"]["uuid"] == id);
            Some(users::row(user.unwrap_or_else(|| panic!("{id} is no recorded user"))))
        });
        model.compare(&local.pipeline.rows().await).assert_exact();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_local_run_loses_and_duplicates_nothing() {
    let rig = Rig::shared().await;
    let spec = json!({
        "mode": "Continuous",
        "generator": {"seed": 7, "recordsPerInterval": 40, "interval": "50ms"},
    });
    let local = LocalRun::new(&rig, "local_killed", spec, &["--kafka", "--cassandra"]).await;
    let (kafka, topic) = (&local.pipeline.kafka, &local.pipeline.name);
    for kill in 1..=3_usize {
        let mut usp = local.start(&[]);
        poll_until("rows are written", Duration::from_secs(60), async || {
            let rows = local.pipeline.cassandra.try_execute(&format!("SELECT id FROM {topic}.users")).await;
            rows.map_err(|error| format!("there is no table yet: {error}"))?;
            match local.pipeline.cassandra.count(topic, "users").await {
                rows if rows >= kill * 300 => Ok(()),
                rows => Err(format!("{rows} rows")),
            }
        })
        .await;
        usp.kill().await.expect("usp runs");
    }
    let summary = local.run(&["--for", "3s"]).await;
    assert_eq!((&summary["lag"], &summary["error"]), (&json!(0), &Value::Null), "{summary}");

    let records = kafka.records(topic).await;
    let keys: BTreeSet<&[u8]> = records.iter().filter_map(|record| record.key.as_deref()).collect();
    let rows: BTreeSet<String> = local.pipeline.rows().await.into_iter().map(|(id, _)| id).collect();
    assert!(keys.len() > 900, "{} users", keys.len());
    assert_eq!(rows.len(), keys.len());
    assert!(rows.iter().all(|id| keys.contains(id.as_bytes())));
    // A page that was appended before a kill but not saved is appended again, with the same users.
    assert_eq!(kafka.count(&local.pipeline.dead_letter_topic()).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_option_replaces_one_file() {
    let rig = Rig::shared().await;
    let (_source, spec) = recorded_users().await;
    let all = users::recorded().len();

    let on_kafka = LocalRun::new(&rig, "local_kafka", spec.clone(), &["--kafka"]).await;
    assert_eq!(on_kafka.run(&["--once"]).await["rowsWritten"], all);
    assert_eq!(on_kafka.pipeline.kafka.count(&on_kafka.pipeline.name).await, all as i64);
    let tail = on_kafka.command("tail", &["-n", "1000"]).output().await.expect("usp was built");
    let rows = String::from_utf8_lossy(&tail.stdout);
    assert_eq!(rows.lines().count(), all, "{rows}{}", String::from_utf8_lossy(&tail.stderr));
    let keyspaces = "SELECT keyspace_name FROM system_schema.keyspaces";
    let text = format!("{:?}", on_kafka.pipeline.cassandra.query(keyspaces).await);
    assert!(!text.contains(&on_kafka.pipeline.name), "{text}");

    let on_cassandra = LocalRun::new(&rig, "local_cassandra", spec, &["--cassandra"]).await;
    assert_eq!(on_cassandra.run(&["--once"]).await["rowsWritten"], all);
    assert_eq!(on_cassandra.pipeline.cassandra.count(&on_cassandra.pipeline.name, "users").await, all);
    let topics = on_cassandra.pipeline.kafka.watermarks(&on_cassandra.pipeline.name).await;
    assert!(topics.is_empty(), "{topics:?}");
}
