//! Whether topic and table are provisioned.

use std::collections::BTreeSet;

use serde_json::Value;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::provision_report::Refusal;
use userstream_crds::worker_pod::Termination;

use crate::lifecycle::rollout::RolloutPlan;
use crate::model::input::ValidInput;
use crate::model::job_state::JobState;
use crate::model::strimzi::kafka_cluster;
use crate::status::condition::{Condition, ConditionStatus};

/// The exit code of a worker that refused its configuration, or that was refused a change.
const EXIT_CONFIGURATION: i32 = 78;

/// What provisioning creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Topic,
    Table,
}

impl Part {
    const fn condition_type(self) -> ConditionType {
        match self {
            Self::Topic => ConditionType::TopicReady,
            Self::Table => ConditionType::TableReady,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Table => "table",
        }
    }

    /// Whether a refusal is about this part. The table's condition reports the keyspace too.
    fn is_subject_of(self, refusal: &Refusal) -> bool {
        let of = match refusal.resource.split_once('/') {
            Some(("topic", _)) => Self::Topic,
            _ => Self::Table,
        };
        self == of
    }

    fn condition(
        self,
        status: impl Into<ConditionStatus>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Condition {
        Condition::new(self.condition_type(), status, reason, message)
    }
}

/// The conditions of topic and table.
pub(in crate::status) fn provisioned(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Vec<Condition> {
    [Part::Topic, Part::Table].into_iter().map(|part| condition(input, rollout, part)).collect()
}

fn condition(input: &ValidInput<'_>, rollout: &RolloutPlan, part: Part) -> Condition {
    if part == Part::Topic
        && let Some(Err(missing)) = kafka_cluster(input.pipeline, input.settings)
    {
        return part.condition(false, Reason::NoKafkaTopic, missing.message()).terminal();
    }
    match &rollout.provision.state {
        JobState::Succeeded(_) => {
            part.condition(true, Reason::Provisioned, format!("the {} is as declared", part.name()))
        }
        JobState::Absent if input.pipeline.suspend => {
            let message = "nothing is provisioned while the pipeline is suspended";
            part.condition(ConditionStatus::Unknown, Reason::Suspended, message)
        }
        JobState::Running { last_failure: Some(failure), .. } | JobState::Failed(Some(failure)) => {
            failed(part, failure)
        }
        JobState::Running { obstacle: Some(obstacle), .. } => {
            let message = format!("the provisioning pod does not start: {obstacle}");
            part.condition(false, Reason::PodNotStarting, message)
        }
        // The same for a Job that this reconcile creates and for one that the next reconcile sees: that saves a status
        // update.
        JobState::Absent | JobState::Running { .. } => {
            part.condition(false, Reason::Provisioning, in_progress(input))
        }
        JobState::Failed(None) => {
            let message = "the provisioning Job has failed: delete it to retry";
            part.condition(false, Reason::ProvisioningFailed, message)
        }
    }
}

fn in_progress(input: &ValidInput<'_>) -> String {
    let spec = serde_json::to_value(&input.resource.spec);
    let secrets = spec.map(|spec| secret_names(&spec)).unwrap_or_default();
    if secrets.is_empty() {
        "topic and table are being provisioned".to_owned()
    } else {
        // A pod does not report which Secret it waits for, and the operator has no right to read Secrets.
        format!("topic and table are being provisioned, which needs the Secrets {}", secrets.join(", "))
    }
}

fn secret_names(spec: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut rest = vec![spec];
    while let Some(value) = rest.pop() {
        let Some(fields) = value.as_object() else {
            rest.extend(value.as_array().into_iter().flatten());
            continue;
        };
        for (field, value) in fields {
            let name = value.get("name").and_then(Value::as_str);
            match name.filter(|_| field.ends_with("ecretRef")) {
                Some(name) => drop(names.insert(name.to_owned())),
                None => rest.push(value),
            }
        }
    }
    names.into_iter().collect()
}

fn failed(part: Part, failure: &Termination) -> Condition {
    let refusals = &failure.report.refusals;
    let own: Vec<&Refusal> = refusals.iter().filter(|refusal| part.is_subject_of(refusal)).collect();
    if let Some(first) = own.first() {
        let texts: Vec<&str> = own.iter().map(|refusal| refusal.text.as_str()).collect();
        return part.condition(false, Reason::from(first.reason), texts.join("; ")).terminal();
    }
    if !refusals.is_empty() {
        let message = "nothing is changed while something else is refused";
        return part.condition(ConditionStatus::Unknown, Reason::Blocked, message);
    }
    if failure.exit_code == EXIT_CONFIGURATION {
        return part.condition(false, Reason::ConfigurationRefused, failure.message.clone()).terminal();
    }
    part.condition(false, Reason::Unavailable, format!("{}; provisioning is retried", failure.message))
}
