//! Users of the secured servers, and their passwords.

use std::time::Duration;

use crate::poll_until::poll_until;
use crate::rig::Rig;
use crate::table::Cassandra;

/// Sets the password of a user at both servers, who know the user from then on. `node` is a session of a superuser.
///
/// `verb` is CREATE or ALTER.
pub async fn set_passwords(rig: &Rig, node: &Cassandra, user: &str, verb: &str, password: &str) {
    set_scram_password(rig, "SCRAM-SHA-512", user, password).await;
    let statement =
        format!("{verb} ROLE {user} WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true");
    // The node takes a new password of a role at most every five seconds.
    poll_until("the node takes the password", Duration::from_secs(20), async || {
        node.try_execute(&statement).await
    })
    .await;
}

/// Sets the password of a user at the brokers, for one of the SCRAM mechanisms.
pub async fn set_scram_password(rig: &Rig, mechanism: &str, user: &str, password: &str) {
    let scram = format!("{mechanism}=[password={password}]");
    let entity = ["--entity-type", "users", "--entity-name", user];
    rig.kafka_tool(
        &[&["kafka.admin.ConfigCommand", "--alter", "--add-config", &scram], &entity[..]].concat(),
    )
    .await;
}

/// Lets a user of Kafka's secured listeners touch every topic and group whose name begins so, and no other.
pub async fn allow_names(rig: &Rig, user: &str, prefix: &str) {
    let principal = format!("User:{user}");
    let allowed =
        ["--operation", "All", "--topic", prefix, "--group", prefix, "--resource-pattern-type", "prefixed"];
    rig.kafka_tool(&[&["AclCommand", "--add", "--allow-principal", &principal], &allowed[..]].concat()).await;
}
