//! Users of Kafka's secured listeners: SCRAM credentials and ACLs.

use crate::rig::Rig;

/// Sets the password of a user for a SCRAM mechanism, and creates the user if it is new.
pub async fn set_scram_password(rig: &Rig, mechanism: &str, user: &str, password: &str) {
    let scram = format!("{mechanism}=[password={password}]");
    let entity = ["--entity-type", "users", "--entity-name", user];
    rig.kafka_tool(
        &[&["kafka.admin.ConfigCommand", "--alter", "--add-config", &scram], &entity[..]].concat(),
    )
    .await;
}

/// Allows a user all operations on the topics and groups whose names have this prefix, and on no other.
pub async fn allow_prefix(rig: &Rig, user: &str, prefix: &str) {
    let principal = format!("User:{user}");
    let allowed =
        ["--operation", "All", "--topic", prefix, "--group", prefix, "--resource-pattern-type", "prefixed"];
    rig.kafka_tool(&[&["AclCommand", "--add", "--allow-principal", &principal], &allowed[..]].concat()).await;
}
