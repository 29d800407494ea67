//! Suggests what a user can do about a problem.

use kube::ResourceExt;
use userstream_crds::condition::Reason;
use userstream_crds::worker_pod::CRASH_LOOP;

use super::snapshot::Snapshot;

/// A problem that a user can solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Suspended,
    InvalidSpec,
    Image,
    MissingSecret,
    Unschedulable,
    Provisioning,
    Processor,
    Producer,
    ScaledToZero,
    Planned,
    Late,
    DeadLetters,
}

impl Problem {
    /// The problem behind the reason of a condition; `None` where the message suffices, or only time helps.
    pub(crate) const fn of_condition(reason: Reason) -> Option<Self> {
        match reason {
            Reason::Suspended => Some(Self::Suspended),
            Reason::Invalid | Reason::Undecodable => Some(Self::InvalidSpec),
            Reason::Unavailable | Reason::ProvisioningFailed | Reason::ConfigurationRefused => {
                Some(Self::Provisioning)
            }
            Reason::RolloutStuck | Reason::LagUnknown => Some(Self::Processor),
            Reason::LastRunFailed | Reason::RunsFail => Some(Self::Producer),
            Reason::ScaledToZero => Some(Self::ScaledToZero),
            Reason::Planned => Some(Self::Planned),
            Reason::Late => Some(Self::Late),
            _ => None,
        }
    }

    /// The problem behind the reason that Kubernetes gives for a pod that does not start.
    pub(crate) fn of_pod(reason: &str) -> Option<Self> {
        match reason {
            "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
                Some(Self::Image)
            }
            "CreateContainerConfigError" => Some(Self::MissingSecret),
            "Unschedulable" => Some(Self::Unschedulable),
            CRASH_LOOP => Some(Self::Processor),
            _ => None,
        }
    }

    /// What the user can do.
    pub(crate) fn hint(self, snapshot: &Snapshot) -> String {
        let name = snapshot.pipeline.name_any();
        let namespace = snapshot.pipeline.namespace().unwrap_or_default();
        let target = format!("{name} -n {namespace}");
        match self {
            Self::Suspended => format!("to resume it: usp resume {target}"),
            Self::InvalidSpec => {
                "fix the spec; `usp validate FILE` and `usp plan -f FILE` check it before you apply it"
                    .to_owned()
            }
            Self::Image => {
                "check worker.image of the chart; for a private registry, add imagePullSecrets to the \
                            ServiceAccount default of the namespace"
                    .to_owned()
            }
            Self::MissingSecret => {
                "create the Secret or the key that the spec names and the namespace lacks".to_owned()
            }
            Self::Unschedulable => format!(
                "no node fits the pod: check spec.template of the pipeline, and `kubectl describe pods -n {namespace}`"
            ),
            Self::Provisioning => format!("see usp logs {target} --provision"),
            Self::Processor => format!("see usp logs {target} --processor"),
            Self::Producer => format!("see usp logs {target} --producer"),
            Self::ScaledToZero => format!("to resume it: kubectl scale usp {target} --replicas=1"),
            Self::Planned => "set spec.mode to Apply to make the changes".to_owned(),
            Self::Late => {
                "add processors (spec.processor.replicas, at most one for each partition), or speed up the \
                           table"
                    .to_owned()
            }
            Self::DeadLetters => {
                "the reason of each is in the header __connect.errors.exception.message of its record"
                    .to_owned()
            }
        }
    }
}
