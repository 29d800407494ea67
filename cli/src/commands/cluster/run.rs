//! `usp run`: requests one run of the producer from the operator.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;
use userstream_crds::names::{COMPONENT, Component, PIPELINE};
use userstream_crds::worker_pod::{Termination, finished, last_termination};

use crate::arguments::RunArguments;
use crate::cluster::api::connection::Connection;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::observe::observe;
use crate::cluster::snapshot::is_pod_of_job;
use crate::cluster::tree;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::{print, print_error, short_duration};

/// The interval at which the Job is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Sets a new nonce. With `--wait`, waits for the end of its run.
pub(super) async fn run(arguments: &RunArguments) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let name = &arguments.name;
    let changed = connection.change(name, |pipeline| change(pipeline, Timestamp::now()).map(Some)).await?;
    let Some(changed) = changed else { return Ok(Exit::Done) };
    let nonce = trigger_nonce(&changed);
    print(&format!("{}/{name}: run {nonce} requested\n", connection.namespace))?;
    if changed.data.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        print_error(&format!(
            "note: {name} is suspended, so the run starts after `usp resume {name} -n {}`",
            connection.namespace
        ));
    }
    if !arguments.wait {
        return Ok(Exit::Done);
    }
    await_run(&connection, name, nonce, arguments.timeout.get()).await
}

/// The patch with a nonce that is greater than those of earlier runs.
fn change(pipeline: &DynamicObject, now: Timestamp) -> Result<Value, ClusterError> {
    if pipeline.data.pointer("/spec/source").is_none_or(Value::is_null) {
        return Err(ClusterError::NoSource { name: pipeline.name_any() });
    }
    let observed = pipeline.data.pointer("/status/producer/observedTriggerNonce").and_then(Value::as_i64);
    let used = [Some(trigger_nonce(pipeline)), observed];
    // The time is unique even if the nonce was reverted; its successor could repeat the nonce of an existing Job. The
    // successor is used only for runs within one second, and for clocks that differ.
    let now = now.as_second();
    let latest = used.into_iter().flatten().filter(|nonce| (now..now + 86_400).contains(nonce)).max();
    let nonce = latest.map_or(now, |latest| latest + 1);
    Ok(json!({"spec": {"source": {"triggerNonce": nonce}}}))
}

fn trigger_nonce(pipeline: &DynamicObject) -> i64 {
    pipeline.data.pointer("/spec/source/triggerNonce").and_then(Value::as_i64).unwrap_or_default()
}

async fn await_run(
    connection: &Connection,
    name: &str,
    nonce: i64,
    timeout: Duration,
) -> Result<Exit, CommandError> {
    let deadline = Instant::now() + timeout;
    let jobs: Api<Job> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let job_name = format!("{name}-run-{nonce}");
    loop {
        let job = jobs.get_opt(&job_name).await.map_err(|error| connection.failed(error))?;
        if let Some(succeeded) = job.as_ref().and_then(finished) {
            let message = termination(connection, name, &job_name).await.map(|ended| ended.message);
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            if succeeded {
                print(&format!("run {nonce} succeeded{message}\n"))?;
                return Ok(Exit::Done);
            }
            print_error(&format!("run {nonce} failed{message}; see `usp logs {name} --producer`"));
            return Ok(Exit::NotReady);
        }
        if Instant::now() + POLL_INTERVAL > deadline {
            let progress = if job.is_some() { "has not finished" } else { "has not started" };
            // The state is only a hint, so an error does not hide the timeout.
            let snapshot = observe(connection, name).await;
            let cause = snapshot.map(|snapshot| tree::cause(&snapshot, &tree::tree(&snapshot)).text);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            print_error(&format!("run {nonce} {progress} within {}{cause}", short_duration(timeout)));
            return Ok(Exit::NotReady);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The termination of the worker, if the user may read it.
async fn termination(connection: &Connection, pipeline: &str, job: &str) -> Option<Termination> {
    let pods: Api<Pod> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let labels = format!("{PIPELINE}={pipeline},{}={}", COMPONENT, Component::Run.name());
    let list = pods.list(&ListParams::default().labels(&labels)).await.ok()?;
    let of_job = list.items.iter().filter(|pod| is_pod_of_job(pod, job));
    last_termination(of_job)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(source: &Value, observed: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"name": "users"},
            "spec": {"source": source},
            "status": {"producer": {"observedTriggerNonce": observed}},
        }))
        .unwrap()
    }

    fn nonce_after(last: i64, observed: i64, now: i64) -> i64 {
        let pipeline = pipeline(&json!({"triggerNonce": last}), &json!(observed));
        let patch = change(&pipeline, Timestamp::from_second(now).unwrap()).unwrap();
        patch.pointer("/spec/source/triggerNonce").and_then(Value::as_i64).unwrap()
    }

    #[test]
    fn nonce_of_a_run_is_unique() {
        assert_eq!(nonce_after(0, 0, 1_800_000_000), 1_800_000_000);
        // Two runs in one second, and a clock that is behind.
        assert_eq!(nonce_after(1_800_000_000, 0, 1_800_000_000), 1_800_000_001);
        assert_eq!(nonce_after(1_800_000_009, 0, 1_800_000_000), 1_800_000_010);
        // Reverted by a GitOps tool.
        assert_eq!(nonce_after(0, 1_800_000_005, 1_800_000_005), 1_800_000_006);
        // Set by hand. The name of a Job has room for ten digits of the nonce.
        assert_eq!(nonce_after(7, 6, 1_800_000_000), 1_800_000_000);
        assert_eq!(nonce_after(i64::MAX, 0, 1_800_000_000), 1_800_000_000);
    }

    #[test]
    fn pipeline_without_a_source_cannot_run() {
        let error = change(&pipeline(&Value::Null, &Value::Null), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, ClusterError::NoSource { .. }), "{error}");
    }
}
