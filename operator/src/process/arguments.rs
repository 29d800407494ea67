//! The operator's command line.

use std::net::SocketAddr;

use clap::Parser;
use ipnet::IpNet;
use k8s_openapi::api::core::v1::ResourceRequirements;

use crate::model::settings::PullPolicy;

const DEFAULT_RESOURCES: &str = "{\"requests\": {\"cpu\": \"50m\", \"memory\": \"64Mi\"}}";

/// Reconciles UserStreamPipeline resources into workloads. `operator check URL` waits until a running one is ready.
#[derive(Debug, Parser)]
#[command(name = "operator", version)]
pub struct Arguments {
    /// The image of every worker.
    #[arg(long, env = "WORKER_IMAGE")]
    pub worker_image: String,
    /// When nodes pull the workers' image.
    #[arg(long, env = "WORKER_IMAGE_PULL_POLICY", value_enum, default_value_t)]
    pub worker_image_pull_policy: PullPolicy,
    /// Resource requirements, as JSON, of workers whose pipeline declares none.
    #[arg(long, env = "WORKER_RESOURCES", default_value = DEFAULT_RESOURCES, value_parser = resources)]
    pub worker_resources: ResourceRequirements,
    /// Private address ranges that sources may use, such as 10.0.0.0/8. Default: none.
    #[arg(long, env = "ALLOWED_PRIVATE_RANGES", value_delimiter = ',')]
    pub allowed_private_ranges: Vec<IpNet>,
    /// The watched namespaces. Default: all.
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Create a NetworkPolicy that limits ingress of the workers' pods to their status port.
    #[arg(long, env = "NETWORK_POLICIES")]
    pub network_policies: bool,
    /// The address of health and metrics.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// The namespace of the Lease for leader election. Without one this replica leads.
    #[arg(long, env = "LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// The name of that Lease.
    #[arg(long, env = "LEASE_NAME", default_value = "userstream-operator")]
    pub lease_name: String,
    /// The name of this replica. Default: its host name, which in a pod is the pod's.
    #[arg(long, env = "HOSTNAME", default_value = "userstream-operator")]
    pub instance: String,
}

fn resources(text: &str) -> Result<ResourceRequirements, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent_and_has_valid_defaults() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["operator", "--worker-image", "worker:1"]).unwrap();
        assert!(arguments.worker_resources.requests.is_some() && arguments.watch_namespaces.is_empty());
    }

    #[test]
    fn invalid_values_are_refused() {
        for wrong in ["--allowed-private-ranges=10.0.0.0/99", "--worker-resources={", "--listen=here"] {
            let parsed = Arguments::try_parse_from(["operator", "--worker-image", "worker:1", wrong]);
            assert!(parsed.is_err(), "{wrong}");
        }
    }
}
