//! `usp logs`: prints the logs of workers, with the pod's name before each line if there are several pods.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use futures::io::AsyncBufReadExt;
use futures::stream::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use userstream_crds::names::{COMPONENT, Component, PIPELINE};
use userstream_crds::worker_pod::{CONTAINER, container, obstacle};

use crate::arguments::LogsArguments;
use crate::cluster::api::connection::Connection;
use crate::cluster::api::error::ClusterError;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::{print, print_error};

/// The interval at which `--follow` lists pods.
const POD_LIST_INTERVAL: Duration = Duration::from_secs(2);
/// The capacity of the channel to the terminal. A full channel blocks the log streams.
const LINE_CAPACITY: usize = 1024;

/// Prints the logs of the selected workers.
pub(super) async fn logs(arguments: &LogsArguments) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let name = &arguments.name;
    connection.pipeline(name).await?;
    let components = components(arguments);
    let pods = pods(&connection, name, &components).await?;
    let readable: Vec<&Pod> = pods.iter().filter(|pod| has_log(pod, arguments.previous)).collect();
    if readable.is_empty() && !arguments.follow {
        let why = pods.iter().find_map(obstacle);
        let why = why.map(|it| format!(" ({it})")).unwrap_or_default();
        return Err(ClusterError::NoLogs { name: name.clone(), components: named(&components), why }.into());
    }
    if arguments.follow {
        return follow(&connection, arguments, &components).await;
    }
    let is_single = readable.len() == 1;
    for pod in readable {
        let pod = pod.name_any();
        let prefix = prefix(&pod, is_single);
        let mut lines = match stream(&connection, &pod, &parameters(arguments)).await {
            Ok(lines) => lines,
            // A pod that was just deleted does not hide the logs of the others.
            Err(ClusterError::Rejected { reason }) => {
                print_error(&format!("{prefix}{reason}"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        while let Some(line) = lines.next().await {
            print(&format!("{prefix}{}\n", line?))?;
        }
    }
    Ok(Exit::Done)
}

/// Prints new lines, including those of new pods, until Ctrl-C ends the process.
async fn follow(
    connection: &Connection,
    arguments: &LogsArguments,
    components: &[Component],
) -> Result<Exit, CommandError> {
    let (sender, mut lines) = mpsc::channel::<String>(LINE_CAPACITY);
    let mut followed = BTreeSet::new();
    let mut interval = tokio::time::interval(POD_LIST_INTERVAL);
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => print(&line)?,
                None => return Ok(Exit::Done),
            },
            _ = interval.tick() => {
                let pods = pods(connection, &arguments.name, components).await?;
                for pod in pods.iter().filter(|pod| has_log(pod, false)) {
                    // Each restart of a container starts a new log.
                    let restarts = container(pod).map(|status| status.restart_count).unwrap_or_default();
                    if followed.insert((pod.name_any(), restarts)) {
                        let (connection, sender) = (connection.clone(), sender.clone());
                        let (pod, parameters) = (pod.name_any(), parameters(arguments));
                        tokio::spawn(async move { forward(&connection, &pod, &parameters, &sender).await });
                    }
                }
            }
        }
    }
}

async fn forward(connection: &Connection, pod: &str, parameters: &LogParams, sender: &mpsc::Sender<String>) {
    let prefix = prefix(pod, false);
    let mut lines = match stream(connection, pod, parameters).await {
        Ok(lines) => lines,
        Err(error) => {
            print_error(&format!("{prefix}{error}"));
            return;
        }
    };
    while let Some(Ok(line)) = lines.next().await {
        if sender.send(format!("{prefix}{line}\n")).await.is_err() {
            return;
        }
    }
}

async fn stream(
    connection: &Connection,
    pod: &str,
    parameters: &LogParams,
) -> Result<impl futures::Stream<Item = io::Result<String>> + Unpin + use<>, ClusterError> {
    let api: Api<Pod> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let stream = api.log_stream(pod, parameters).await.map_err(|error| connection.failed(error))?;
    Ok(Box::pin(stream.lines()))
}

async fn pods(
    connection: &Connection,
    name: &str,
    components: &[Component],
) -> Result<Vec<Pod>, ClusterError> {
    let api: Api<Pod> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let names: Vec<&str> = components.iter().map(|component| component.name()).collect();
    let labels = format!("{PIPELINE}={name},{COMPONENT} in ({})", names.join(","));
    let list = api.list(&ListParams::default().labels(&labels)).await;
    let mut pods = list.map_err(|error| connection.failed(error))?.items;
    pods.sort_by_key(|pod| (pod.creation_timestamp().map(|time| time.0), pod.name_any()));
    Ok(pods)
}

fn components(arguments: &LogsArguments) -> Vec<Component> {
    let groups = [
        (arguments.provision, &[Component::Provision, Component::Plan, Component::Cleanup][..]),
        (arguments.producer, &[Component::Producer, Component::Run]),
        (arguments.processor, &[Component::Processor]),
    ];
    let all = groups.iter().all(|(is_selected, _)| !is_selected);
    groups
        .iter()
        .filter(|(is_selected, _)| all || *is_selected)
        .flat_map(|(_, components)| components.iter().copied())
        .collect()
}

fn named(components: &[Component]) -> String {
    components.iter().map(|component| component.name()).collect::<Vec<_>>().join(", ")
}

/// Whether the worker's container has started, and so has a log.
fn has_log(pod: &Pod, previous: bool) -> bool {
    let Some(status) = container(pod) else { return false };
    let has = |state: Option<&k8s_openapi::api::core::v1::ContainerState>| {
        state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    };
    if previous {
        has(status.last_state.as_ref())
    } else {
        has(status.state.as_ref()) || status.restart_count > 0
    }
}

fn prefix(pod: &str, is_single: bool) -> String {
    if is_single { String::new() } else { format!("[{pod}] ") }
}

fn parameters(arguments: &LogsArguments) -> LogParams {
    let seconds =
        |since: std::time::Duration| i64::try_from(since.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    LogParams {
        container: Some(CONTAINER.to_owned()),
        follow: arguments.follow,
        previous: arguments.previous,
        // The API server accepts whole seconds only, and rejects zero.
        since_seconds: arguments.since.map(|since| seconds(since.get()).max(1)),
        tail_lines: arguments.tail.map(i64::from),
        ..LogParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn parsed(options: &[&str]) -> LogsArguments {
        let line = [&["usp", "logs", "users"], options].concat();
        let arguments = crate::arguments::Arguments::try_parse_from(line).unwrap();
        match arguments.command {
            crate::arguments::Command::Cluster(crate::arguments::ClusterCommand::Logs(logs)) => logs,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_an_option_all_workers_are_selected() {
        assert_eq!(named(&components(&parsed(&[]))), "provision, plan, cleanup, producer, run, processor");
        assert_eq!(named(&components(&parsed(&["--producer"]))), "producer, run");
        assert_eq!(
            named(&components(&parsed(&["--processor", "--provision"]))),
            "provision, plan, cleanup, processor"
        );
    }

    #[test]
    fn since_is_at_least_one_whole_second() {
        let since = |text: &str| parameters(&parsed(&["--since", text])).since_seconds;
        assert_eq!(
            [since("0s"), since("500ms"), since("1500ms"), since("2h")],
            [Some(1), Some(1), Some(2), Some(7200)]
        );
        assert_eq!(parameters(&parsed(&[])).since_seconds, None);
    }
}
