//! The operator as it was installed: with the settings and the rights that the cluster has for it, and no others.

use userstream_e2e::audit_log::{Request, requests_of};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::repository;

use crate::test_namespace::TIMEOUT;

/// The name of the release, and so of the Deployment, the ServiceAccount and the Lease.
pub(crate) const RELEASE: &str = "userstream";

/// An installation in a namespace. Nothing runs it but the tests: there is no node.
pub(crate) struct Installation {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
}

impl Installation {
    /// Installs the chart with some values, as people do.
    pub(crate) async fn by_helm(cluster: &'static Cluster, namespace: &str, values: &[&str]) -> Self {
        let chart = repository().join("helm/userstream").display().to_string();
        let mut arguments = vec!["install", RELEASE, &chart, "--namespace", namespace, "--create-namespace"];
        arguments.extend(values.iter().flat_map(|value| ["--set", *value]));
        cluster.helm(&arguments).await;
        Self { cluster, namespace: namespace.to_owned() }
    }

    /// Starts its operator once the API server knows of its rights in these namespaces, and returns when it is ready.
    pub(crate) async fn operator(&self, watched: &[&str]) -> Operator {
        self.await_right(&self.namespace, "patch", &format!("leases.coordination.k8s.io/{RELEASE}")).await;
        for namespace in watched {
            self.await_right(namespace, "create", "events.events.k8s.io").await;
        }
        Operator::start_deployed(self.cluster, &self.namespace, RELEASE).await
    }

    /// A role counts a moment after it was made.
    async fn await_right(&self, namespace: &str, verb: &str, resource: &str) {
        poll_until(&format!("the operator may {verb} {resource} in {namespace}"), TIMEOUT, async || {
            if self.may(namespace, verb, resource).await { Ok(()) } else { Err("it may not".to_owned()) }
        })
        .await;
    }

    /// Whether its operator may do something.
    pub(crate) async fn may(&self, namespace: &str, verb: &str, resource: &str) -> bool {
        let user = format!("--as=system:serviceaccount:{}:{RELEASE}", self.namespace);
        let question = ["auth", "can-i", verb, resource, "-n", namespace, &user];
        self.cluster.try_kubectl(&question).await.status.success()
    }

    /// Everything that its operator has asked the API server for.
    pub(crate) fn requests(&self) -> Vec<Request> {
        requests_of(self.cluster, &self.namespace, RELEASE)
    }

    /// What the API server refused its operator, which the operator's own log need not tell.
    pub(crate) fn refused(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_forbidden).collect()
    }
}
