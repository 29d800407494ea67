//! TLS, client certificates, SCRAM and passwords, and all of them replaced while records flow: no restart, no loss.

use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use userstream_e2e::accounts::{allow_own_names, set_passwords};
use userstream_e2e::names::unique;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::table::Cassandra;
use userstream_e2e::users;
use userstream_e2e::waiting::await_until;

const USERS: usize = 1_000;

/// The tests here restart the secured node, which no other test uses: one at a time.
static NODE: Mutex<()> = Mutex::const_new(());

/// A pipeline on the secured listeners as a user of its own, who may touch what carries its name and nothing else.
async fn secured(rig: &Rig, test: &str) -> Pipeline {
    rig.start(Server::CassandraSecure).await;
    let mut pipeline = Pipeline::without_source(rig, test).await;
    pipeline.cassandra = Cassandra::connect_secure(rig, "cassandra", "cassandra").await;
    set_passwords(rig, &pipeline.cassandra, &pipeline.name, "CREATE", "first").await;
    allow_own_names(rig, &pipeline.name).await;
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
async fn rows_flow_on_while_passwords_and_certificates_are_replaced() {
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    let pipeline = secured(&rig, "rotation").await;
    pipeline.provision().await;
    let mut processor = pipeline.process();
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    pipeline.await_processed(Duration::from_secs(60)).await;

    for (round, password) in ["second", "third"].into_iter().enumerate() {
        let certificate = unique(&format!("client_{password}"));
        rig.issue_certificate(&certificate).await;
        set_passwords(&rig, &pipeline.cassandra, &pipeline.name, "ALTER", password).await;
        mount_password(&pipeline, password);
        mount_client(&rig, &pipeline, &certificate);
        // Every session with the node ends here; only the new password opens another.
        rig.stop(Server::CassandraSecure).await;
        rig.start(Server::CassandraSecure).await;
        pipeline.kafka.append(&pipeline.name, &users::records((round + 1) * USERS, USERS, 1)).await;
        pipeline.await_processed(Duration::from_secs(60)).await;
    }
    assert!(processor.is_running(), "the processor ended over a rotated credential");
    let verdict = pipeline.judge(users::parsed_row).await;
    verdict.assert_exact();
    assert_eq!(verdict.rows, 3 * USERS);
    let leaked = processor.log().lines().find(|line| line.contains("third")).map(str::to_owned);
    assert_eq!(leaked, None, "a password is in the log");

    mount_password(&pipeline, "first");
    assert_eq!(pipeline.run("provision").await, 69, "the first password still opens a door");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_signed_by_a_stranger_is_not_talked_to() {
    let rig = Rig::shared().await;
    let _node = NODE.lock().await;
    let pipeline = secured(&rig, "stranger").await;
    mount_authority(&rig, &pipeline, "stranger.pem");
    assert_eq!(pipeline.run("provision").await, 69, "provisioning ends because nobody it trusts answers");
    let topics = pipeline.kafka.ends(&pipeline.name).await;
    assert!(topics.is_empty(), "the topic was made through an untrusted connection: {topics:?}");

    // The authority that signed the servers makes the same configuration work, without a restart of anything else.
    mount_authority(&rig, &pipeline, "ca.pem");
    pipeline.provision().await;
    let processor = pipeline.process();
    processor.await_ready(Duration::from_secs(60)).await;
    let status = await_until("the processor has its partitions", Duration::from_secs(30), async || {
        let status = processor.status().await?;
        if status["processor"]["lag"] == 0 { Ok(status) } else { Err(status.to_string()) }
    });
    assert_eq!(status.await["processor"]["partitions"].as_array().map(Vec::len), Some(4));
}
