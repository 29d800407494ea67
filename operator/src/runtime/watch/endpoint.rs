//! Where a worker serves its status.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::names::{COMPONENT, Component};
use userstream_crds::worker_pod::container;

use crate::model::pipeline_key::PipelineKey;
use crate::model::worker_reports::is_running;

/// Where a worker serves its status, and whether its pod is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The address of the pod.
    pub(crate) address: IpAddr,
    /// Whether the pod is ready. A worker that has become ready has something new to report.
    pub(crate) is_ready: bool,
}

/// A worker to scrape.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pipeline: PipelineKey,
    pub(crate) pod: String,
    pub(crate) endpoint: Endpoint,
}

impl Endpoint {
    /// The endpoint of a pod; `None` unless it runs a long-running worker and has its own address.
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let component = pod.labels().get(COMPONENT)?;
        let long_running = [Component::Processor, Component::Producer];
        let is_long_running = long_running.iter().any(|of| of.name() == component);
        let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
        // On the host network the address is that of the node.
        let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
        let is_dialable =
            !on_host && !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
        let is_ready = container(pod).is_some_and(|container| container.ready);
        (is_long_running && is_running(pod) && is_dialable).then_some(Self { address, is_ready })
    }
}
