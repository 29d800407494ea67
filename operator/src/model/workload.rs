//! How far the rollout of a workload is, which configuration it runs, and how it is stopped.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use serde_json::{Value, json};
use userstream_crds::names::CONFIGURATION;

use super::kind::Kind;

/// How far the rollout of a Deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutStatus {
    /// There is no Deployment.
    Absent,
    /// Not all of its pods have the newest template and are available.
    Progressing {
        /// How many pods do and are.
        updated_and_available: i32,
        /// How many pods the Deployment wants.
        desired: i32,
        /// Whether the Deployment's progress deadline is exceeded.
        is_stuck: bool,
    },
    /// All of its pods do and are, and there are no others.
    Complete {
        /// How many pods there are.
        replicas: i32,
    },
}

impl RolloutStatus {
    /// The rollout of a Deployment.
    #[must_use]
    pub fn of(deployment: Option<&Deployment>) -> Self {
        let Some(deployment) = deployment else { return Self::Absent };
        let desired = desired_replicas(deployment);
        let status = deployment.status.clone().unwrap_or_default();
        let is_observed = status.observed_generation >= deployment.metadata.generation;
        let updated = status.updated_replicas.unwrap_or_default();
        let available = status.available_replicas.unwrap_or_default();
        let only_updated = status.replicas.unwrap_or_default() == updated;
        if is_observed && only_updated && updated == desired && available == desired {
            return Self::Complete { replicas: desired };
        }
        let is_stuck = is_observed
            && status.conditions.iter().flatten().any(|condition| {
                condition.type_ == "Progressing"
                    && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
            });
        let updated_and_available = if is_observed { updated.min(available) } else { 0 };
        Self::Progressing { updated_and_available, desired, is_stuck }
    }

    /// The rollout as long as the Deployment's new spec is not written yet: the completed rollout is that of the old
    /// spec.
    #[must_use]
    pub fn before_write(self, desired: u32) -> Self {
        let desired = i32::try_from(desired).unwrap_or(i32::MAX);
        match self {
            Self::Complete { .. } => Self::Progressing { updated_and_available: 0, desired, is_stuck: false },
            rollout => rollout,
        }
    }

    /// Whether all pods have the newest template and are available.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete { .. })
    }
}

/// How many pods a Deployment wants.
#[must_use]
pub fn desired_replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The hash of the configuration that a Deployment's pods get.
#[must_use]
pub fn configuration_of_deployment(deployment: &Deployment) -> Option<&str> {
    deployment
        .spec
        .as_ref()?
        .template
        .metadata
        .as_ref()?
        .annotations
        .as_ref()?
        .get(CONFIGURATION)
        .map(String::as_str)
}

/// The hash of the configuration that a CronJob's next run gets.
#[must_use]
pub fn configuration_of_cron_job(cron_job: &CronJob) -> Option<&str> {
    let template = &cron_job.spec.as_ref()?.job_template.spec.as_ref()?.template;
    template.metadata.as_ref()?.annotations.as_ref()?.get(CONFIGURATION).map(String::as_str)
}

/// The fields of `spec`, with their values, that stop a workload of this kind; `None` for a kind that is no workload.
#[must_use]
pub fn stopped_fields(kind: Kind) -> Option<Value> {
    match kind {
        Kind::Deployment => Some(json!({"replicas": 0})),
        Kind::CronJob => Some(json!({"suspend": true})),
        Kind::ConfigMap
        | Kind::Job
        | Kind::PodDisruptionBudget
        | Kind::NetworkPolicy
        | Kind::PodMonitor
        | Kind::KafkaTopic => None,
    }
}
