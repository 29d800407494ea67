//! Reads a pipeline and its objects from the API server. Kinds that the user may not list are recorded as forbidden.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Api, ResourceExt};
use serde::de::DeserializeOwned;
use userstream_crds::names::{Component, PIPELINE};
use userstream_crds::worker_pod::{CONTAINER, STATUS_PORT_NAME, is_running};
use userstream_crds::worker_status::WorkerStatus;

use super::connection::Connection;
use super::error::ClusterError;
use crate::cluster::snapshot::{Forbidden, Operator, Snapshot};

/// The labels of the operator's Deployment, set by the chart.
pub(crate) const OPERATOR_LABELS: &str =
    "app.kubernetes.io/part-of=userstream,app.kubernetes.io/component=operator";
/// The namespace of the operator in the chart's documentation.
pub(crate) const OPERATOR_NAMESPACE: &str = "userstream-system";

/// The timeout of a status request. Workers answer from memory, so a slower one is unreachable.
const REPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum number of pods whose status is requested.
const MAX_REPORTS: usize = 32;

/// Reads a snapshot of a pipeline.
pub(crate) async fn observe(connection: &Connection, name: &str) -> Result<Snapshot, ClusterError> {
    let pipeline = connection.pipeline(name).await?;
    let labels = format!("{PIPELINE}={name}");
    let (deployments, cron_jobs, jobs, pods, operator) = futures::join!(
        list::<Deployment>(connection, &labels),
        list::<CronJob>(connection, &labels),
        list::<Job>(connection, &labels),
        list::<Pod>(connection, &labels),
        operator(connection),
    );
    let mut forbidden = Vec::new();
    let deployments = items(connection, deployments, "deployments", &mut forbidden)?;
    let cron_jobs = items(connection, cron_jobs, "cronjobs", &mut forbidden)?;
    let jobs = items(connection, jobs, "jobs", &mut forbidden)?;
    let mut pods = items(connection, pods, "pods", &mut forbidden)?;
    pods.sort_by_key(ResourceExt::name_any);
    let reports = reports(connection, &pods).await;
    let operator = operator?.of(&connection.namespace);
    Ok(Snapshot {
        pipeline,
        deployments,
        cron_jobs,
        jobs,
        pods,
        reports,
        forbidden,
        operator,
        now: Timestamp::now(),
    })
}

async fn list<K>(connection: &Connection, labels: &str) -> Result<Vec<K>, kube::Error>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    Ok(api.list(&ListParams::default().labels(labels)).await?.items)
}

/// The items of a list. A forbidden list is empty, and recorded.
fn items<K>(
    connection: &Connection,
    list: Result<Vec<K>, kube::Error>,
    what: &'static str,
    forbidden: &mut Vec<Forbidden>,
) -> Result<Vec<K>, ClusterError> {
    match list.map_err(|error| connection.failed(error)) {
        Ok(items) => Ok(items),
        Err(ClusterError::Forbidden { .. }) => {
            forbidden.push(Forbidden {
                what,
                why: format!("you may not list {what} in {}", connection.namespace),
            });
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Lists the operator's Deployments in all namespaces, or in the usual one where the user may not list all.
pub(crate) async fn operator(connection: &Connection) -> Result<Operator, ClusterError> {
    let parameters = ListParams::default().labels(OPERATOR_LABELS);
    let everywhere: Api<Deployment> = Api::all(connection.client.clone());
    let usual: Api<Deployment> = Api::namespaced(connection.client.clone(), OPERATOR_NAMESPACE);
    for deployments in [everywhere, usual] {
        match deployments.list(&parameters).await.map_err(|error| connection.failed(error)) {
            Ok(list) if list.items.is_empty() => return Ok(Operator::NotFound),
            Ok(list) => return Ok(Operator::Installed(list.items)),
            Err(ClusterError::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Operator::Forbidden)
}

/// Requests the status of running workers through the proxy of the API server.
async fn reports(connection: &Connection, pods: &[Pod]) -> BTreeMap<String, Result<WorkerStatus, String>> {
    let has_status = |pod: &&Pod| Component::Processor.is_of(*pod) || Component::Producer.is_of(*pod);
    let running = pods.iter().filter(has_status).filter(|pod| is_running(pod)).take(MAX_REPORTS);
    let answers = running.map(async |pod| {
        let name = pod.name_any();
        let answer = tokio::time::timeout(REPORT_TIMEOUT, report(connection, pod)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(format!("no answer within {} s", REPORT_TIMEOUT.as_secs())));
        (name, answer)
    });
    join_all(answers).await.into_iter().collect()
}

async fn report(connection: &Connection, pod: &Pod) -> Result<WorkerStatus, String> {
    let Some(port) = status_port(pod) else { return Err(format!("no port named {STATUS_PORT_NAME}")) };
    let pods = Request::new(format!("/api/v1/namespaces/{}/pods", connection.namespace));
    let request = pods.get_subresource("proxy/status", &format!("{}:{port}", pod.name_any()));
    let request = request.map_err(|error| error.to_string())?;
    match connection.client.request(request).await {
        Ok(status) => Ok(status),
        Err(kube::Error::Api(status)) if status.code == 403 => Err("you may not get pods/proxy".to_owned()),
        Err(kube::Error::SerdeError(_)) => Err("this usp cannot parse the answer".to_owned()),
        Err(_) => Err("the API server cannot reach the pod".to_owned()),
    }
}

fn status_port(pod: &Pod) -> Option<i32> {
    let containers = pod.spec.as_ref()?.containers.iter().filter(|container| container.name == CONTAINER);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.find(|port| port.name.as_deref() == Some(STATUS_PORT_NAME)).map(|port| port.container_port)
}
