//! Why something cannot be done with a cluster, and the way out.

use std::error::Error;
use std::path::PathBuf;

use kube::config::{InClusterError, KubeconfigError};

use crate::exit::Exit;

/// Why a command did nothing, or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// Nothing says which cluster.
    #[error(
        "no cluster is configured: there is no {}; set KUBECONFIG or give --kubeconfig FILE (`usp local` runs a pipeline \
         without a cluster)",
        looked_for.display()
    )]
    NoKubeconfig {
        /// The file that was looked for last.
        looked_for: PathBuf,
    },
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[source] KubeconfigError),
    /// The account of the pod cannot be used.
    #[error("the pod's service account cannot be used: {0}")]
    InCluster(#[from] InClusterError),
    /// No context is chosen.
    #[error(
        "the kubeconfig has no current context: give --context NAME or set one with `kubectl config use-context NAME`; \
         there are: {}",
        listed(known)
    )]
    NoContext {
        /// Those that there are.
        known: Vec<String>,
    },
    /// The context does not exist.
    #[error("the kubeconfig has no context {name}{}; there are: {}", did_you_mean(near), listed(known))]
    UnknownContext {
        /// The one that was asked for.
        name: String,
        /// Those that are spelled alike.
        near: Vec<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The API server does not answer.
    #[error("the API server {server} does not answer: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        reason: String,
    },
    /// The API server does not know who asks.
    #[error(
        "{server} does not accept the credentials of the kubeconfig ({reason}): log in again, or choose another --context"
    )]
    Unauthenticated {
        /// Its address.
        server: String,
        /// What it says.
        reason: String,
    },
    /// The API server knows who asks and refuses.
    #[error(
        "not allowed: {reason}; whoever runs the cluster can allow it with a Role (see `usp check -n NAMESPACE`)"
    )]
    Forbidden {
        /// What it says: who may not do what.
        reason: String,
    },
    /// The API server has no such resource.
    #[error(
        "the cluster does not know UserStreamPipelines: the CustomResourceDefinition is not installed; install the operator \
         (helm install userstream helm/userstream -n userstream-system --create-namespace), or choose another --context"
    )]
    NotInstalled,
    /// There is no such pipeline.
    #[error(
        "there is no pipeline {name} in namespace {namespace}{}{}",
        did_you_mean(near),
        elsewhere(namespaces)
    )]
    NotFound {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
        /// Those of the namespace that are spelled alike.
        near: Vec<String>,
        /// Other namespaces with one of that name.
        namespaces: Vec<String>,
    },
    /// The API server refuses the resource.
    #[error("the API server refuses it: {reason}")]
    Refused {
        /// Why, in its words.
        reason: String,
    },
    /// The pipeline has nothing to run.
    #[error("pipeline {name} has no source, so there is nothing to run: others fill its topic")]
    NoSource {
        /// Its name.
        name: String,
    },
    /// The pipeline has no pods to read logs of.
    #[error(
        "there is nothing to read: pipeline {name} has no pod of {wanted} that has started{why}; see `usp status {name}`"
    )]
    NoLogs {
        /// The pipeline.
        name: String,
        /// What was asked for.
        wanted: String,
        /// What is known of why, with what joins it to the sentence.
        why: String,
    },
    /// Somebody else changes the pipeline all the time.
    #[error("pipeline {name} was changed by somebody else at each of several attempts: try again")]
    Contended {
        /// Its name.
        name: String,
    },
    /// Anything else.
    #[error("the API server cannot answer: {0}")]
    Client(#[source] Box<kube::Error>),
}

impl ClusterError {
    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } => Exit::InvalidResource,
            Self::Forbidden { .. } | Self::Unauthenticated { .. } => Exit::NotAllowed,
            Self::NotFound { .. }
            | Self::Unreachable { .. }
            | Self::NoLogs { .. }
            | Self::Contended { .. }
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

    /// What a failed request means.
    pub(crate) fn of(error: kube::Error, server: &str) -> Self {
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) => {
                let reason = status.message.trim().to_owned();
                match status.code {
                    401 => Self::Unauthenticated { server, reason },
                    403 => Self::Forbidden { reason },
                    400 | 409 | 413 | 422 => Self::Refused { reason },
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

/// The innermost cause, which says what happened; the outer ones say to whom.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Names that are spelled like one that does not exist, the nearest first.
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
    if near.is_empty() { String::new() } else { format!(": did you mean {}?", near.join(" or ")) }
}

fn elsewhere(namespaces: &[String]) -> String {
    match namespaces {
        [] => String::new(),
        [one] => format!("; there is one in namespace {one}: give -n {one}"),
        several => format!("; there is one in each of the namespaces {}: give -n", several.join(", ")),
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
    fn what_the_api_server_refuses_says_who_can_help() {
        let forbidden = of(403, "userstreampipelines is forbidden: User \"eve\" cannot list");
        assert_eq!(forbidden.exit(), Exit::NotAllowed);
        assert!(
            forbidden.to_string().contains("\"eve\" cannot list; whoever runs the cluster"),
            "{forbidden}"
        );
        let expired = of(401, "Unauthorized");
        assert!(expired.to_string().starts_with("https://cluster:6443 does not accept"), "{expired}");
        assert_eq!(of(422, "spec.kafka is wrong").exit(), Exit::InvalidResource);
        assert_eq!(of(500, "etcd is away").exit(), Exit::Unavailable);
    }

    #[test]
    fn names_that_are_spelled_alike_are_offered_the_nearest_first() {
        let known = ["users", "users-eu", "orders", "clicks"].map(str::to_owned);
        assert_eq!(near("usres", &known), ["users"]);
        assert_eq!(near("users-", &known), ["users", "users-eu"]);
        assert_eq!(near("eu", &known), ["users-eu"]);
        assert!(near("invoices", &known).is_empty());
    }

    #[test]
    fn a_pipeline_that_is_not_there_is_looked_for_elsewhere() {
        let error = ClusterError::NotFound {
            name: "usres".to_owned(),
            namespace: "demo".to_owned(),
            near: vec!["users".to_owned()],
            namespaces: vec!["prod".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "there is no pipeline usres in namespace demo: did you mean users?; there is one in namespace prod: give -n prod"
        );
    }
}
