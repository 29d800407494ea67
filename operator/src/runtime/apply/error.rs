//! Why an object could not be written.

use userstream_crds::condition::Reason;

use crate::model::kind::Kind;
use crate::status::ApplyFailure;

/// Why an object could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// An object of this name does not belong to the pipeline.
    #[error(
        "{kind} {name} exists and does not belong to this pipeline: delete or rename it, or rename the pipeline"
    )]
    Foreign {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The pipeline has changed since the plan, and a cleanup cannot be undone.
    #[error("the pipeline has changed in the meantime")]
    Outdated,
    /// Pods still run that could create again what the cleanup deletes.
    #[error("{0} pods of the pipeline have not terminated yet")]
    StillRunning(usize),
    /// The namespace is terminating, and nothing can be created in it.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// The API server has refused this very object as invalid before. It is not sent again.
    #[error("{0}")]
    Invalid(String),
    /// The API server refused the write or did not answer.
    #[error("{kind} {name}: {source}")]
    Api {
        /// The object's kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The error of the client.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    pub(super) fn of(kind: Kind, name: &str, error: kube::Error) -> Self {
        let details = status_of(&error).and_then(|status| status.details.as_ref());
        let causes = details.map(|details| details.causes.as_slice()).unwrap_or_default();
        if causes.iter().any(|cause| cause.reason == "NamespaceTerminating") {
            return Self::NamespaceTerminating;
        }
        Self::Api { kind: kind.name(), name: name.to_owned(), source: Box::new(error) }
    }

    /// Whether the API server refuses the object as invalid, which a repetition does not change.
    pub(crate) fn is_invalid(&self) -> bool {
        match self {
            Self::Invalid(_) => true,
            Self::Api { source, .. } => status_of(source).is_some_and(|status| status.code == 422),
            Self::Foreign { .. } | Self::Outdated | Self::StillRunning(_) | Self::NamespaceTerminating => {
                false
            }
        }
    }

    /// The failure as the status reports it.
    pub(crate) fn failure(&self) -> ApplyFailure {
        let (reason, is_terminal) = match self {
            Self::Foreign { .. } => (Reason::NameTaken, true),
            Self::NamespaceTerminating => (Reason::NamespaceTerminating, true),
            Self::Invalid(_) => (Reason::Invalid, true),
            Self::Outdated | Self::StillRunning(_) => (Reason::CleanupWaits, false),
            Self::Api { source, .. } => match status_of(source).map(|status| status.code) {
                Some(403) => (Reason::Forbidden, false),
                Some(422) => (Reason::Invalid, true),
                Some(404 | 409) => (Reason::WriteConflict, false),
                _ => (Reason::ApiUnavailable, false),
            },
        };
        ApplyFailure { reason, message: self.to_string(), is_terminal }
    }
}

fn status_of(error: &kube::Error) -> Option<&kube::core::Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}
