//! From the reason why something does not work to what to do about it.

use kube::ResourceExt;

use crate::cluster::snapshot::Snapshot;

/// What to do; None where the message says it, or where nobody but time can help.
pub(crate) fn hint(reason: &str, snapshot: &Snapshot) -> Option<String> {
    let name = snapshot.pipeline.name_any();
    let namespace = snapshot.pipeline.namespace().unwrap_or_default();
    let here = format!("{name} -n {namespace}");
    Some(match reason {
        "Suspended" => format!("usp resume {here} lets it go on"),
        "Invalid" | "Undecodable" => {
            "change the spec; `usp validate FILE` and `usp plan -f FILE` check it before it is applied".to_owned()
        }
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            "the workers' image is worker.image of the chart; a private one takes imagePullSecrets of the namespace's ServiceAccount default".to_owned()
        }
        "CreateContainerConfigError" => {
            "a Secret that the spec names, or one of its keys, is missing in the namespace: create it".to_owned()
        }
        "Unschedulable" => {
            format!("no node takes the pod: see spec.template of the pipeline, and `kubectl describe pods -n {namespace}`")
        }
        "Unavailable" | "ProvisioningFailed" | "ConfigurationRefused" => {
            format!("usp logs {here} --provision shows what provisioning met")
        }
        "RolloutStuck" | "CrashLoopBackOff" | "LagUnknown" => format!("usp logs {here} --processor shows what the processors meet"),
        "LastRunFailed" | "RunsFail" => format!("usp logs {here} --producer shows what the source answers"),
        "ScaledToZero" => format!("kubectl scale usp {here} --replicas=1 lets it go on"),
        "Planned" => "set spec.mode to Apply to have it done".to_owned(),
        "Late" => "more processors (spec.processor.replicas, at most one for each partition) or a faster table help".to_owned(),
        "DeadLetters" => "each has its reason in the header __connect.errors.exception.message of its record".to_owned(),
        _ => return None,
    })
}
