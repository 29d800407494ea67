//! `usp suspend` and `usp resume`: set `spec.suspend`.

use serde_json::json;

use crate::arguments::SuspendArguments;
use crate::cluster::api::connection::Connection;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::print;

/// Sets `spec.suspend` of each pipeline.
pub(super) async fn set_suspend(arguments: &SuspendArguments, suspend: bool) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let done = if suspend { "suspended" } else { "resumed" };
    for name in &arguments.names {
        let change = connection.change(name, |pipeline| {
            let current = pipeline.data.pointer("/spec/suspend").and_then(serde_json::Value::as_bool);
            Ok((current.unwrap_or(false) != suspend).then(|| json!({"spec": {"suspend": suspend}})))
        });
        let result = match change.await? {
            Some(_) => done.to_owned(),
            None if suspend => "is already suspended".to_owned(),
            None => "is not suspended".to_owned(),
        };
        print(&format!("{}/{name} {result}\n", connection.namespace))?;
    }
    Ok(Exit::Done)
}
