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
        // An IPv4 address has a second spelling in IPv6: `::ffff:127.0.0.1`.
        let address = address.to_canonical();
        // On the host network the address is that of the node.
        let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
        let is_dialable = !on_host && is_of_a_pod(address);
        let is_ready = container(pod).is_some_and(|container| container.ready);
        (is_long_running && is_running(pod) && is_dialable).then_some(Self { address, is_ready })
    }
}

/// Whether a pod can have this address: not the operator itself, and not what is near it, such as a cloud's metadata
/// service.
fn is_of_a_pod(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_link_local && !address.is_loopback() && !address.is_multicast() && !address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use userstream_crds::worker_pod::CONTAINER;

    use super::*;

    #[test]
    fn only_addresses_of_pods_are_scraped() {
        let endpoint = |address: &str| {
            let running =
                json!({"name": CONTAINER, "image": "", "imageID": "", "ready": true, "restartCount": 0});
            let body = json!({
                "metadata": {"name": "users-processor-1", "labels": {COMPONENT: Component::Processor.name()}},
                "status": {"phase": "Running", "podIP": address, "containerStatuses": [running]},
            });
            let pod: Pod = serde_json::from_value(body).unwrap();
            Endpoint::of(&pod).map(|endpoint| endpoint.address)
        };
        for refused in [
            "127.0.0.1",
            "127.8.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "localhost",
        ] {
            assert_eq!(endpoint(refused), None, "{refused}");
        }
        assert_eq!(endpoint("10.0.0.1"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(endpoint("::ffff:10.0.0.1"), Some(IpAddr::from([10, 0, 0, 1])));
        assert!(endpoint("fd00::1").is_some());
    }
}
