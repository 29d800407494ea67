//! Passwords change at the servers and in the Secrets while records flow: no restart, and no password is exposed.

use serde_json::{Value, json};
use userstream_e2e::kafka_users::{allow_prefix, set_scram_password};
use userstream_e2e::rig::Server;
use userstream_e2e::table::Cassandra;
use uuid::Uuid;

use crate::test_namespace::TestNamespace;

/// A pipeline on the secured listeners, as this user.
async fn secured(test: &TestNamespace, user: &str) -> Value {
    let certificate = |name: &str| std::fs::read_to_string(test.rig.certificates.join(name)).unwrap();
    put_secret(test, "ca", &json!({"ca.crt": certificate("ca.pem")})).await;
    let client = json!({"tls.crt": certificate("client.pem"), "tls.key": certificate("client.key")});
    put_secret(test, "client", &client).await;
    let (authority, account) = (json!({"name": "ca"}), json!({"name": "account"}));
    let mut pipeline = test.pipeline();
    pipeline["spec"]["processor"] = json!({"consumerGroup": user});
    let kafka = &mut pipeline["spec"]["kafka"];
    kafka["bootstrapServers"] = json!(test.rig.kafka_secure_pods);
    kafka["tls"] = json!({"caSecretRef": authority, "clientSecretRef": {"name": "client"}});
    kafka["sasl"] = json!({"mechanism": "SCRAM-SHA-512", "secretRef": account});
    let cassandra = &mut pipeline["spec"]["sink"]["cassandra"];
    cassandra["contactPoints"] = json!([test.rig.cassandra_secure.replace("127.0.0.1", "host.rig.local")]);
    cassandra["tls"] = json!({"caSecretRef": authority});
    cassandra["auth"] = json!({"secretRef": account});
    pipeline
}

async fn put_secret(test: &TestNamespace, name: &str, keys: &Value) {
    let metadata = json!({"name": name, "namespace": test.namespace});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys});
    test.cluster.apply(&secret).await;
}

/// Sets a new password of the user in Kafka, in Cassandra and in the Secret, and returns it. `verb` is CREATE or ALTER.
async fn new_password(test: &TestNamespace, user: &str, verb: &str) -> String {
    let password = format!("secret-{}", Uuid::new_v4().simple());
    set_scram_password(&test.rig, "SCRAM-SHA-512", user, &password).await;
    test.cassandra.set_role_password(user, verb, &password).await;
    put_secret(test, "account", &json!({"username": user, "password": password})).await;
    password
}

async fn superuser(test: &TestNamespace) -> Cassandra {
    Cassandra::connect_secure(&test.rig, "cassandra", "cassandra").await
}

#[tokio::test]
async fn password_rotation_needs_no_restart_and_exposes_no_password() {
    let mut test = TestNamespace::new().await;
    test.rig.start(Server::CassandraSecure).await;
    test.cassandra = superuser(&test).await;
    let user = test.pipeline()["spec"]["kafka"]["topic"]["name"].as_str().unwrap().to_owned();
    allow_prefix(&test.rig, &user, &user).await;
    let first = new_password(&test, &user, "CREATE").await;
    test.cluster.apply(&secured(&test, &user).await).await;
    test.await_ready().await;
    test.await_rows(50).await;
    let (workers, objects) = (test.workers().await, test.objects().await);

    let second = new_password(&test, &user, "ALTER").await;
    // The restart closes every session with the node; Kafka requires re-authentication within three seconds.
    test.rig.stop(Server::CassandraSecure).await;
    test.rig.start(Server::CassandraSecure).await;
    test.cassandra = superuser(&test).await;
    // More rows than the topic held by then, so the producer has authenticated too.
    test.await_more_rows(500).await;
    test.await_ready().await;
    assert_eq!(test.workers().await, workers, "no pod was replaced");
    assert_eq!(test.objects().await, objects, "no object was added or removed");

    let kinds = "userstreampipelines,configmaps,deployments,replicasets,jobs,pods,events";
    let mut exposed = test.cluster.kubectl(&["get", kinds, "-n", &test.namespace, "-o", "yaml"]).await;
    exposed += &test.logs().await;
    assert!(exposed.contains("partitions assigned"), "the logs of the workers are included");
    for password in [first, second] {
        let leak = exposed.lines().find(|line| line.contains(&password));
        assert_eq!(leak, None, "a password is exposed");
    }
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
