//! An installed operator: it runs with the settings and the rights of its manifests, and with no others.

use userstream_e2e::audit_log::{Request, requests_of};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::repository;

use crate::test_namespace::TIMEOUT;

/// The name of the release, and thereby of the Deployment, the ServiceAccount and the Lease.
pub(crate) const RELEASE: &str = "userstream";

/// An installation in a namespace. There is no node, so tests start the operator as a local process.
pub(crate) struct Installation {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
}

impl Installation {
    /// Installs the chart with some values.
    pub(crate) async fn by_helm(cluster: &'static Cluster, namespace: &str, values: &[&str]) -> Self {
        let chart = repository().join("helm/userstream").display().to_string();
        let mut arguments = vec!["install", RELEASE, &chart, "--namespace", namespace, "--create-namespace"];
        arguments.extend(values.iter().flat_map(|value| ["--set", *value]));
        cluster.helm(&arguments).await;
        Self { cluster, namespace: namespace.to_owned() }
    }

    /// Starts its operator once its rights in these namespaces are in effect, and returns when it is ready.
    pub(crate) async fn operator(&self, watched: &[&str]) -> Operator {
        self.await_right(&self.namespace, "patch", &format!("leases.coordination.k8s.io/{RELEASE}")).await;
        for namespace in watched {
            self.await_right(namespace, "create", "events.events.k8s.io").await;
        }
        Operator::start_deployed(self.cluster, &self.namespace, RELEASE).await
    }

    /// Waits until a right is in effect: the API server applies a new role with a delay.
    async fn await_right(&self, namespace: &str, verb: &str, resource: &str) {
        poll_until(&format!("the operator may {verb} {resource} in {namespace}"), TIMEOUT, async || {
            if self.may(namespace, verb, resource).await { Ok(()) } else { Err("it may not".to_owned()) }
        })
        .await;
    }

    /// Whether RBAC allows its operator this verb.
    pub(crate) async fn may(&self, namespace: &str, verb: &str, resource: &str) -> bool {
        let user = format!("--as=system:serviceaccount:{}:{RELEASE}", self.namespace);
        let question = ["auth", "can-i", verb, resource, "-n", namespace, &user];
        self.cluster.try_kubectl(&question).await.status.success()
    }

    /// All requests of its operator so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        requests_of(self.cluster, &self.namespace, RELEASE)
    }

    /// The requests of its operator that the API server refused. The operator's log need not contain them.
    pub(crate) fn forbidden_requests(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_forbidden).collect()
    }
}
