//! Connects to the cluster of the kubeconfig.

use std::path::{Path, PathBuf};

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::{ClusterError, near};
use crate::arguments::ClusterArguments;

/// The timeout of a connection. Without it, an unreachable cluster blocks the command.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// A client of a cluster, and the namespace of the command.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The address of the API server, for messages.
    pub(crate) server: String,
    /// The namespace of the command.
    pub(crate) namespace: String,
}

impl Connection {
    /// Creates the client of the selected cluster without connecting.
    pub(crate) async fn open(arguments: &ClusterArguments) -> Result<Self, ClusterError> {
        let mut config = configuration(arguments).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = arguments.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| ClusterError::of(error, &server))?;
        Ok(Self { client, server, namespace })
    }

    /// The error of a failed request.
    pub(crate) fn failed(&self, error: kube::Error) -> ClusterError {
        ClusterError::of(error, &self.server)
    }
}

async fn configuration(arguments: &ClusterArguments) -> Result<Config, ClusterError> {
    let kubeconfig = match &arguments.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match kubeconfig {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => return without_kubeconfig(arguments, error),
    };
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let Some(name) = arguments.context.clone().or_else(|| kubeconfig.current_context.clone()) else {
        return Err(ClusterError::NoContext { contexts });
    };
    if !contexts.contains(&name) {
        return Err(ClusterError::UnknownContext { near: near(&name, &contexts), name, contexts });
    }
    let options = KubeConfigOptions { context: Some(name), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(ClusterError::Kubeconfig)
}

/// Uses the service account of the pod where there is no kubeconfig.
fn without_kubeconfig(arguments: &ClusterArguments, error: KubeconfigError) -> Result<Config, ClusterError> {
    let path = match &error {
        KubeconfigError::ReadConfig(cause, path) if cause.kind() == std::io::ErrorKind::NotFound => path,
        KubeconfigError::FindPath => Path::new("~/.kube/config"),
        _ => return Err(ClusterError::Kubeconfig(error)),
    };
    let is_default = arguments.kubeconfig.is_none() && arguments.context.is_none();
    if is_default && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Ok(Config::incluster()?);
    }
    Err(ClusterError::NoKubeconfig { path: PathBuf::from(path) })
}
