//! Errors of requests to a cluster, each with the way out.

use std::error::Error;
use std::path::PathBuf;

use kube::config::{InClusterError, KubeconfigError};

use crate::exit::Exit;

/// Why a command for a cluster failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// There is no kubeconfig.
    #[error(
        "no cluster is configured: {} does not exist; set KUBECONFIG or --kubeconfig FILE (`usp local` runs a pipeline \
         without a cluster)",
        path.display()
    )]
    NoKubeconfig {
        /// The path of the missing kubeconfig.
        path: PathBuf,
    },
    /// The kubeconfig is invalid.
    #[error("the kubeconfig is invalid: {0}")]
    Kubeconfig(#[source] KubeconfigError),
    /// The service account of the pod cannot be used.
    #[error("cannot use the service account of the pod: {0}")]
    InCluster(#[from] InClusterError),
    /// The kubeconfig has no current context.
    #[error(
        "the kubeconfig has no current context: set --context NAME, or run `kubectl config use-context NAME`; available \
         contexts: {}",
        listed(contexts)
    )]
    NoContext {
        /// The contexts of the kubeconfig.
        contexts: Vec<String>,
    },
    /// The kubeconfig does not have the selected context.
    #[error(
        "the kubeconfig has no context {name}{}; available contexts: {}",
        did_you_mean(near),
        listed(contexts)
    )]
    UnknownContext {
        /// The selected context.
        name: String,
        /// Contexts with similar names.
        near: Vec<String>,
        /// The contexts of the kubeconfig.
        contexts: Vec<String>,
    },
    /// The API server does not answer.
    #[error("the API server {server} does not answer: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        reason: String,
    },
    /// The API server rejected the credentials.
    #[error(
        "{server} rejected the credentials of the kubeconfig ({reason}): log in again, or select another --context"
    )]
    Unauthenticated {
        /// Its address.
        server: String,
        /// The message of the API server.
        reason: String,
    },
    /// The API server denied the request.
    #[error(
        "permission denied: {reason}; ask a cluster administrator for a Role (`usp check -n NAMESPACE` lists what is missing)"
    )]
    Forbidden {
        /// The message of the API server, with user, verb and resource.
        reason: String,
    },
    /// The CustomResourceDefinition is not installed.
    #[error(
        "the cluster does not serve UserStreamPipelines: the CustomResourceDefinition is not installed; install the operator \
         (helm install userstream helm/userstream -n userstream-system --create-namespace), or select another --context"
    )]
    NotInstalled,
    /// The pipeline does not exist.
    #[error(
        "pipeline {name} not found in namespace {namespace}{}{}",
        did_you_mean(near),
        elsewhere(namespaces)
    )]
    NotFound {
        /// Its name.
        name: String,
        /// The namespace of the request.
        namespace: String,
        /// Pipelines of the namespace with similar names.
        near: Vec<String>,
        /// Other namespaces with a pipeline of this name.
        namespaces: Vec<String>,
    },
    /// The API server rejected the resource.
    #[error("the API server rejected the request: {reason}")]
    Rejected {
        /// The message of the API server.
        reason: String,
    },
    /// The pipeline has no source to run.
    #[error("pipeline {name} has no source, so there is nothing to run: other producers write to its topic")]
    NoSource {
        /// Its name.
        name: String,
    },
    /// No pod has logs.
    #[error("no logs: pipeline {name} has no started pod of {components}{why}; see `usp status {name}`")]
    NoLogs {
        /// The pipeline.
        name: String,
        /// The selected components.
        components: String,
        /// The reason in parentheses, after a space; empty where it is unknown.
        why: String,
    },
    /// Each attempt at a patch conflicted with another client.
    #[error("every attempt to patch pipeline {name} conflicted with another client: try again")]
    Conflict {
        /// Its name.
        name: String,
    },
    /// Any other error.
    #[error("the request to the API server failed: {0}")]
    Client(#[source] Box<kube::Error>),
}

impl ClusterError {
    /// The exit code of the command.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Rejected { .. } => Exit::InvalidResource,
            Self::Forbidden { .. } | Self::Unauthenticated { .. } => Exit::NotAllowed,
            Self::NotFound { .. }
            | Self::Unreachable { .. }
            | Self::NoLogs { .. }
            | Self::Conflict { .. }
            | Self::Client(_) => Exit::Unavailable,
            Self::NoKubeconfig { .. }
            | Self::Kubeconfig(_)
            | Self::InCluster(_)
            | Self::NoContext { .. }
            | Self::UnknownContext { .. }
            | Self::NotInstalled
            | Self::NoSource { .. } => Exit::Configuration,
        }
    }

    /// The error of a failed request.
    pub(crate) fn of(error: kube::Error, server: &str) -> Self {
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) => {
                let reason = status.message.trim().to_owned();
                match status.code {
                    401 => Self::Unauthenticated { server, reason },
                    403 => Self::Forbidden { reason },
                    400 | 409 | 413 | 422 => Self::Rejected { reason },
                    _ => Self::Client(Box::new(kube::Error::Api(status))),
                }
            }
            kube::Error::Auth(error) => Self::Unauthenticated { server, reason: root_cause(&error) },
            kube::Error::HyperError(error) => Self::Unreachable { server, reason: root_cause(&error) },
            kube::Error::Service(error) => Self::Unreachable { server, reason: root_cause(error.as_ref()) },
            error => Self::Client(Box::new(error)),
        }
    }
}

/// The innermost cause, because the outer errors only name the layer.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Up to three names that are similar to an unknown one, the nearest first.
pub(crate) fn near(name: &str, known: &[String]) -> Vec<String> {
    let mut near: Vec<(usize, &String)> = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(distance, other)| *distance <= 2.max(name.len() / 4) || other.contains(name))
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(" or ")) }
}

fn elsewhere(namespaces: &[String]) -> String {
    match namespaces {
        [] => String::new(),
        [one] => format!("; namespace {one} has one: use -n {one}"),
        several => format!("; namespaces {} have one: use -n", several.join(", ")),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn of(code: u16, message: &str) -> ClusterError {
        let status = Status::failure(message, "Because").with_code(code);
        ClusterError::of(kube::Error::Api(status.boxed()), "https://cluster:6443")
    }

    #[test]
    fn denied_requests_name_the_way_out() {
        let forbidden = of(403, "userstreampipelines is forbidden: User \"eve\" cannot list");
        assert_eq!(forbidden.exit(), Exit::NotAllowed);
        assert!(
            forbidden.to_string().contains("\"eve\" cannot list; ask a cluster administrator"),
            "{forbidden}"
        );
        let expired = of(401, "Unauthorized");
        assert!(
            expired.to_string().starts_with("https://cluster:6443 rejected the credentials"),
            "{expired}"
        );
        assert_eq!(of(422, "spec.kafka is wrong").exit(), Exit::InvalidResource);
        assert_eq!(of(500, "etcd is away").exit(), Exit::Unavailable);
    }

    #[test]
    fn similar_names_are_suggested_nearest_first() {
        let known = ["users", "users-eu", "orders", "clicks"].map(str::to_owned);
        assert_eq!(near("usres", &known), ["users"]);
        assert_eq!(near("users-", &known), ["users", "users-eu"]);
        assert_eq!(near("eu", &known), ["users-eu"]);
        assert!(near("invoices", &known).is_empty());
    }

    #[test]
    fn missing_pipeline_is_searched_in_other_namespaces() {
        let error = ClusterError::NotFound {
            name: "usres".to_owned(),
            namespace: "demo".to_owned(),
            near: vec!["users".to_owned()],
            namespaces: vec!["prod".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "pipeline usres not found in namespace demo (did you mean users?); namespace prod has one: use -n prod"
        );
    }
}
