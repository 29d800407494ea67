//! From a kubeconfig to a client, and to the namespace that is meant.

use std::path::{Path, PathBuf};

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::{ClusterError, near};
use crate::arguments::ClusterArguments;

/// How long a connection may take to come about; clusters that are gone let it hang.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// A cluster that can be asked.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The address of the API server, for messages.
    pub(crate) server: String,
    /// The namespace that is meant.
    pub(crate) namespace: String,
}

impl Connection {
    /// The cluster that the arguments mean. Nothing is dialled yet.
    pub(crate) async fn open(arguments: &ClusterArguments) -> Result<Self, ClusterError> {
        let mut config = configuration(arguments).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = arguments.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| ClusterError::of(error, &server))?;
        Ok(Self { client, server, namespace })
    }

    /// What a failed request means.
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
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let Some(wanted) = arguments.context.clone().or_else(|| kubeconfig.current_context.clone()) else {
        return Err(ClusterError::NoContext { known });
    };
    if !known.contains(&wanted) {
        return Err(ClusterError::UnknownContext { near: near(&wanted, &known), name: wanted, known });
    }
    let options = KubeConfigOptions { context: Some(wanted), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(ClusterError::Kubeconfig)
}

/// In a pod there is no kubeconfig, and none is needed.
fn without_kubeconfig(arguments: &ClusterArguments, error: KubeconfigError) -> Result<Config, ClusterError> {
    let looked_for = match &error {
        KubeconfigError::ReadConfig(cause, path) if cause.kind() == std::io::ErrorKind::NotFound => path,
        KubeconfigError::FindPath => Path::new("~/.kube/config"),
        _ => return Err(ClusterError::Kubeconfig(error)),
    };
    let is_free = arguments.kubeconfig.is_none() && arguments.context.is_none();
    if is_free && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Ok(Config::incluster()?);
    }
    Err(ClusterError::NoKubeconfig { looked_for: PathBuf::from(looked_for) })
}
