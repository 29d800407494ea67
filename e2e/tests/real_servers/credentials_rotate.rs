//! TLS, client certificates, SCRAM and passwords rotate while records flow, without a restart and without loss.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use userstream_e2e::kafka_users::{allow_prefix, set_scram_password};
use userstream_e2e::names::unique;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::table::Cassandra;
use userstream_e2e::users;
use userstream_e2e::worker::Worker;

const USERS: usize = 1_000;

/// These tests restart the secured node, which no other test uses, so they run one at a time.
static NODE: Mutex<()> = Mutex::const_new(());

/// A pipeline on the secured listeners. Its user has no rights on topics and groups of other pipelines.
async fn secured(rig: &Rig, test: &str) -> Pipeline {
    rig.start(Server::CassandraSecure).await;
    let mut pipeline = Pipeline::without_source(rig, test).await;
    pipeline.cassandra = Cassandra::connect_secure(rig, "cassandra", "cassandra").await;
    set_passwords(rig, &pipeline, "CREATE", "first").await;
    allow_prefix(rig, &pipeline.name, &pipeline.name).await;
    pipeline.spec["kafka"]["bootstrapServers"] = json!(rig.kafka_secure);
    pipeline.spec["kafka"]["tls"] =
        json!({"caSecretRef": {"name": "ca"}, "clientSecretRef": {"name": "client"}});
    pipeline.spec["kafka"]["sasl"] = json!({"mechanism": "SCRAM-SHA-512", "secretRef": {"name": "user"}});
    let cassandra = &mut pipeline.spec["sink"]["cassandra"];
    cassandra["contactPoints"] = json!([rig.cassandra_secure]);
    cassandra["tls"] = json!({"caSecretRef": {"name": "ca"}});
    cassandra["auth"] = json!({"secretRef": {"name": "user"}});
    mount_password(&pipeline, "first");
    mount_authority(rig, &pipeline, "ca.pem");
    mount_client(rig, &pipeline, "client");
    pipeline
}

/// Sets the password of the pipeline's user in Kafka and in Cassandra. `verb` is CREATE or ALTER.
async fn set_passwords(rig: &Rig, pipeline: &Pipeline, verb: &str, password: &str) {
    set_scram_password(rig, "SCRAM-SHA-512", &pipeline.name, password).await;
    pipeline.cassandra.set_role_password(&pipeline.name, verb, password).await;
}

fn mount_password(pipeline: &Pipeline, password: &str) {
    let keys = [("username", pipeline.name.as_bytes()), ("password", password.as_bytes())];
    pipeline.secrets.put("user", &keys);
}

fn mount_authority(rig: &Rig, pipeline: &Pipeline, file: &str) {
    let authority = std::fs::read(rig.certificates.join(file)).expect("the authority can be read");
    pipeline.secrets.put("ca", &[("ca.crt", &authority)]);
}

fn mount_client(rig: &Rig, pipeline: &Pipeline, name: &str) {
    let file =
        |ending| std::fs::read(rig.certificates.join(format!("{name}.{ending}"))).expect("it can be read");
    pipeline.secrets.put("client", &[("tls.crt", &file("pem")), ("tls.key", &file("key"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_rotate_without_restart_or_loss() {
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    let pipeline = secured(&rig, "rotation").await;
    pipeline.provision().await;
    let mut processor = pipeline.process();
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    pipeline.await_processed(Duration::from_secs(60)).await;

    for (rotation, password) in ["second", "third"].into_iter().enumerate() {
        let certificate = unique(&format!("client_{password}"));
        rig.issue_certificate(&certificate).await;
        set_passwords(&rig, &pipeline, "ALTER", password).await;
        mount_password(&pipeline, password);
        mount_client(&rig, &pipeline, &certificate);
        // The restart closes every session with the node; new ones require the new password.
        rig.stop(Server::CassandraSecure).await;
        rig.start(Server::CassandraSecure).await;
        pipeline.kafka.append(&pipeline.name, &users::records((rotation + 1) * USERS, USERS, 1)).await;
        pipeline.await_processed(Duration::from_secs(60)).await;
    }
    assert!(processor.is_running(), "the processor ended over a rotated credential");
    let comparison = pipeline.compare_table(users::parsed_row).await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, 3 * USERS);
    let leaked = processor.log().lines().find(|line| line.contains("third")).map(str::to_owned);
    assert_eq!(leaked, None, "a password is in the log");

    mount_password(&pipeline, "first");
    assert_eq!(pipeline.run("provision").await, 69, "the first password is still accepted");
}

/// How many rows a processor has written.
async fn written(processor: &Worker) -> Result<u64, String> {
    Ok(processor.status().await?["processor"]["written"].as_u64().unwrap_or(0))
}

async fn await_written(processor: &Worker, at_least: u64) {
    poll_until(&format!("{at_least} rows are written"), Duration::from_secs(120), async || {
        match written(processor).await? {
            rows if rows >= at_least => Ok(()),
            rows => Err(format!("{rows} rows")),
        }
    })
    .await;
}

/// Waits until a processor reports an error of its consumer.
async fn await_consumer_error(processor: &Worker) {
    poll_until("the processor reports an error of Kafka", Duration::from_secs(60), async || {
        let errors = processor.status().await?["errors"].clone();
        let is_of_consumer = |error: &Value| error["place"] == "commit" || error["place"] == "read";
        if errors.as_array().is_some_and(|errors| errors.iter().any(is_of_consumer)) {
            Ok(())
        } else {
            Err(errors.to_string())
        }
    })
    .await;
}

/// In a cluster, the mounted files of a Secret change up to a minute after the servers accept the new password. By then
/// every connection has ended, some of them in the middle of a commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_password_stops_neither_producer_nor_processor() {
    const PAGE: usize = 50;
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    let source = Source::start(|number, _| {
        let users: Vec<_> = (0..PAGE).map(|user| users::user(number * PAGE + user, 0)).collect();
        Reply::Json(json!({"results": users}).to_string())
    })
    .await;
    let mut pipeline = secured(&rig, "late_password").await;
    let url = format!("{}/api", source.url);
    pipeline.spec["source"] =
        json!({"mode": "Continuous", "http": {"url": url, "recordsPath": "results", "interval": "200ms"}});
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;
    let mut producer = pipeline.start("producer", "produce");
    let mut processor = pipeline.process();
    await_written(&processor, 500).await;

    set_passwords(&rig, &pipeline, "ALTER", "second").await;
    await_consumer_error(&processor).await;
    let before = written(&processor).await.expect("the processor answers");
    mount_password(&pipeline, "second");
    // More rows than the topic held by then, so the producer has authenticated too.
    await_written(&processor, before + 2_000).await;

    assert!(producer.is_running() && processor.is_running(), "a worker ended over a late password");
    producer.terminate();
    assert_eq!(producer.exit(Duration::from_secs(10)).await, 0);
    pipeline.await_processed(Duration::from_secs(60)).await;
    let records = pipeline.kafka.records(&pipeline.name).await;
    let appended: BTreeSet<_> = records.into_iter().filter_map(|record| record.key).collect();
    let rows: BTreeSet<_> = pipeline.rows().await.into_iter().map(|(id, _)| id.into_bytes()).collect();
    assert_eq!(rows, appended, "every user has a row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sasl_mechanism_authenticates() {
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let mut pipeline = secured(&rig, &mechanism.to_lowercase().replace('-', "_")).await;
        pipeline.spec["kafka"]["sasl"]["mechanism"] = json!(mechanism);
        if mechanism == "SCRAM-SHA-256" {
            set_scram_password(&rig, mechanism, &pipeline.name, "first").await;
        } else {
            // The broker's configuration defines this user.
            allow_prefix(&rig, "plain", &pipeline.name).await;
            pipeline.spec["kafka"]["sasl"]["secretRef"] = json!({"name": "plain"});
            pipeline.secrets.put("plain", &[("username", &b"plain"[..]), ("password", &b"plain-secret"[..])]);
        }
        pipeline.provision().await;
        pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
        let _processor = pipeline.process();
        pipeline.await_processed(Duration::from_secs(60)).await;
        pipeline.compare_table(users::parsed_row).await.assert_exact();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_signed_by_an_untrusted_ca_is_refused() {
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    let pipeline = secured(&rig, "stranger").await;
    mount_authority(&rig, &pipeline, "stranger.pem");
    assert_eq!(pipeline.run("provision").await, 69, "the server's certificate is not trusted");
    let topics = pipeline.kafka.watermarks(&pipeline.name).await;
    assert!(topics.is_empty(), "the topic was created through an untrusted connection: {topics:?}");

    // With the authority that signed the servers' certificates the same configuration works.
    mount_authority(&rig, &pipeline, "ca.pem");
    pipeline.provision().await;
    let processor = pipeline.process();
    processor.await_ready(Duration::from_secs(60)).await;
    let status = poll_until("the processor has its partitions", Duration::from_secs(30), async || {
        let status = processor.status().await?;
        if status["processor"]["lag"] == 0 { Ok(status) } else { Err(status.to_string()) }
    });
    assert_eq!(status.await["processor"]["partitions"].as_array().map(Vec::len), Some(4));
}
