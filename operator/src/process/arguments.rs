//! The operator's command line.

use std::net::SocketAddr;

use clap::Parser;
use ipnet::IpNet;
use k8s_openapi::api::core::v1::ResourceRequirements;

use crate::model::settings::PullPolicy;

/// Reconciles UserStreamPipeline resources into workloads. `operator check URL` asks a running one whether it is ready.
#[derive(Debug, Parser)]
#[command(name = "operator", version)]
pub struct Arguments {
    /// The image of every worker.
    #[arg(long, env = "WORKER_IMAGE")]
    pub worker_image: String,
    /// When workers' images are pulled.
    #[arg(long, env = "WORKER_IMAGE_PULL_POLICY", value_enum, default_value_t)]
    pub worker_image_pull_policy: PullPolicy,
    /// What a worker's container gets when its pipeline does not say: resource requirements, as JSON.
    #[arg(long, env = "WORKER_RESOURCES", default_value = r#"{"requests": {"cpu": "50m", "memory": "64Mi"}}"#, value_parser = resources)]
    pub worker_resources: ResourceRequirements,
    /// Private address ranges that sources may dial, such as 10.0.0.0/8. Default: none.
    #[arg(long, env = "ALLOWED_PRIVATE_RANGES", value_delimiter = ',')]
    pub allowed_private_ranges: Vec<IpNet>,
    /// The namespaces that are watched. Default: all.
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Close the workers' pods to everything but their status port by a NetworkPolicy.
    #[arg(long, env = "NETWORK_POLICIES")]
    pub network_policies: bool,
    /// Where health and metrics are served.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// The namespace of the Lease by which replicas elect their leader. Without one this replica leads.
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
    fn the_command_line_is_well_formed_and_its_defaults_can_be_read() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["operator", "--worker-image", "worker:1"]).unwrap();
        assert!(arguments.worker_resources.requests.is_some() && arguments.watch_namespaces.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for wrong in ["--allowed-private-ranges=10.0.0.0/99", "--worker-resources={", "--listen=here"] {
            let parsed = Arguments::try_parse_from(["operator", "--worker-image", "worker:1", wrong]);
            assert!(parsed.is_err(), "{wrong}");
        }
    }
}
