//! Passwords are changed at the servers and in the Secrets while records flow: nothing is restarted, nothing tells them.

use serde_json::{Value, json};
use userstream_e2e::kafka_users::{allow_names, set_passwords};
use userstream_e2e::rig::Server;
use userstream_e2e::table::Cassandra;
use uuid::Uuid;

use crate::test_namespace::Home;

/// A pipeline on the secured listeners, as a user of its own.
async fn secured(home: &Home, user: &str) -> Value {
    let certificate = |name: &str| std::fs::read_to_string(home.rig.certificates.join(name)).unwrap();
    put_secret(home, "ca", &json!({"ca.crt": certificate("ca.pem")})).await;
    let client = json!({"tls.crt": certificate("client.pem"), "tls.key": certificate("client.key")});
    put_secret(home, "client", &client).await;
    let (authority, account) = (json!({"name": "ca"}), json!({"name": "account"}));
    let mut pipeline = home.pipeline();
    pipeline["spec"]["processor"] = json!({"consumerGroup": user});
    let kafka = &mut pipeline["spec"]["kafka"];
    kafka["bootstrapServers"] = json!(home.rig.kafka_secure_pods);
    kafka["tls"] = json!({"caSecretRef": authority, "clientSecretRef": {"name": "client"}});
    kafka["sasl"] = json!({"mechanism": "SCRAM-SHA-512", "secretRef": account});
    let cassandra = &mut pipeline["spec"]["sink"]["cassandra"];
    cassandra["contactPoints"] = json!([home.rig.cassandra_secure.replace("127.0.0.1", "host.rig.local")]);
    cassandra["tls"] = json!({"caSecretRef": authority});
    cassandra["auth"] = json!({"secretRef": account});
    pipeline
}

async fn put_secret(home: &Home, name: &str, keys: &Value) {
    let metadata = json!({"name": name, "namespace": home.namespace});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys});
    home.cluster.apply(&secret).await;
}

/// Gives the user a new password, which it returns: at both servers, and in the Secret.
async fn new_password(home: &Home, user: &str, verb: &str) -> String {
    let password = format!("secret-{}", Uuid::new_v4().simple());
    set_passwords(&home.rig, &home.cassandra, user, verb, &password).await;
    put_secret(home, "account", &json!({"username": user, "password": password})).await;
    password
}

async fn superuser(home: &Home) -> Cassandra {
    Cassandra::connect_secure(&home.rig, "cassandra", "cassandra").await
}

#[tokio::test]
async fn rows_flow_on_while_passwords_change_and_nothing_is_restarted_or_tells_one() {
    let mut home = Home::new().await;
    home.rig.start(Server::CassandraSecure).await;
    home.cassandra = superuser(&home).await;
    let user = home.pipeline()["spec"]["kafka"]["topic"]["name"].as_str().unwrap().to_owned();
    allow_names(&home.rig, &user, &user).await;
    let first = new_password(&home, &user, "CREATE").await;
    home.cluster.apply(&secured(&home, &user).await).await;
    home.await_ready().await;
    home.await_rows(50).await;
    let (workers, objects) = (home.workers().await, home.objects().await);

    let second = new_password(&home, &user, "ALTER").await;
    // Every session with the node ends here, and Kafka's within three seconds; only the new password opens others.
    home.rig.stop(Server::CassandraSecure).await;
    home.rig.start(Server::CassandraSecure).await;
    home.cassandra = superuser(&home).await;
    // More than can have been on the topic by then: producers need a password too.
    home.await_more_rows(500).await;
    home.await_ready().await;
    assert_eq!(home.workers().await, workers, "no pod was replaced");
    assert_eq!(home.objects().await, objects, "nothing else is there");

    let kinds = "userstreampipelines,configmaps,deployments,replicasets,jobs,pods,events";
    let mut told = home.cluster.kubectl(&["get", kinds, "-n", &home.namespace, "-o", "yaml"]).await;
    told += &home.logs().await;
    assert!(told.contains("partitions assigned"), "these are the logs of the workers too");
    for password in [first, second] {
        let leak = told.lines().find(|line| line.contains(&password));
        assert_eq!(leak, None, "a password is told");
    }
    home.assert_calm_in_spite_of_faults().await;
    home.leave().await;
}
