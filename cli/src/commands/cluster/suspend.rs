//! `usp suspend` and `usp resume`.

use serde_json::json;

use crate::arguments::SuspendArguments;
use crate::cluster::api::connection::Connection;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::print;

/// Sets `spec.suspend` of each pipeline.
pub(super) async fn suspend(arguments: &SuspendArguments, wanted: bool) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let done = if wanted { "suspended" } else { "resumed" };
    for name in &arguments.names {
        let change = connection.change(name, |pipeline| {
            let is = pipeline.data.pointer("/spec/suspend").and_then(serde_json::Value::as_bool);
            Ok((is.unwrap_or(false) != wanted).then(|| json!({"spec": {"suspend": wanted}})))
        });
        let said = match change.await? {
            Some(_) => done.to_owned(),
            None if wanted => "is suspended already".to_owned(),
            None => "is not suspended".to_owned(),
        };
        print(&format!("{}/{name} {said}\n", connection.namespace))?;
    }
    Ok(Exit::Done)
}
