//! Topic, schema and table: what provisioning makes.

use userstream_crds::provision_report::Refusal;
use userstream_crds::worker_pod::Termination;

use crate::lifecycle::rollout::{RolloutPlan, ValidInput};
use crate::manifest::strimzi_cluster;
use crate::model::job_state::JobState;
use crate::status::condition::{ConditionStatus, Type, Verdict};

/// The exit code of a worker that cannot work with its configuration, or was refused.
const EXIT_CONFIGURATION: i32 = 78;

/// The verdicts of topic, schema and table.
pub(in crate::status) fn provisioned(situation: &ValidInput<'_>, steps: &RolloutPlan) -> Vec<Verdict> {
    let facets = [Type::TopicReady, Type::TableReady];
    facets.into_iter().map(|of| facet(situation, steps, of)).collect()
}

fn facet(situation: &ValidInput<'_>, steps: &RolloutPlan, of: Type) -> Verdict {
    if of == Type::TopicReady
        && let Some(Err(problem)) = strimzi_cluster(situation)
    {
        return Verdict::new(of, false, "NoKafkaTopic", problem.message()).finally();
    }
    match &steps.provision.state {
        JobState::Succeeded(_) => {
            Verdict::new(of, true, "Provisioned", format!("{} is as the spec wants it", subject(of)))
        }
        JobState::Absent if situation.pipeline.suspend => Verdict::new(
            of,
            ConditionStatus::Unknown,
            "Suspended",
            "nothing is provisioned while the pipeline is suspended",
        ),
        JobState::Running { last_failure: Some(failure), .. } | JobState::Failed(Some(failure)) => {
            failed(of, failure)
        }
        JobState::Running { obstacle: Some(obstacle), .. } => Verdict::new(
            of,
            false,
            "PodNotStarting",
            format!("the provisioning pod does not start: {obstacle}"),
        ),
        // A Job that this look has made, and one that the next will see, are one thing to tell.
        JobState::Absent | JobState::Running { .. } => {
            Verdict::new(of, false, "Provisioning", running(situation))
        }
        JobState::Failed(None) => Verdict::new(
            of,
            false,
            "ProvisioningFailed",
            "the provisioning Job has failed: delete it to try again",
        ),
    }
}

fn running(situation: &ValidInput<'_>) -> String {
    let spec = &situation.resource.spec;
    let named = serde_json::to_value(spec).map(|spec| secret_names(&spec)).unwrap_or_default();
    if named.is_empty() {
        "topic and table are being provisioned".to_owned()
    } else {
        // A pod waits for a Secret without saying so, and the operator may not look.
        format!("topic and table are being provisioned; that waits for the Secrets {}", named.join(", "))
    }
}

fn secret_names(spec: &serde_json::Value) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    let mut rest = vec![spec];
    while let Some(value) = rest.pop() {
        let Some(fields) = value.as_object() else {
            rest.extend(value.as_array().into_iter().flatten());
            continue;
        };
        for (field, value) in fields {
            let name = value.get("name").and_then(serde_json::Value::as_str);
            match name.filter(|_| field.ends_with("ecretRef")) {
                Some(name) => drop(names.insert(name.to_owned())),
                None => rest.push(value),
            }
        }
    }
    names.into_iter().collect()
}

fn failed(of: Type, failure: &Termination) -> Verdict {
    let concerns = |refusal: &&Refusal| {
        let is_topic = refusal.resource.starts_with("topic/");
        let is_schema = refusal.resource.starts_with("subject/");
        match of {
            Type::TopicReady => is_topic,
            Type::SchemaReady => is_schema,
            _ => !is_topic && !is_schema,
        }
    };
    let refusals = &failure.report.refusals;
    let own: Vec<&Refusal> = refusals.iter().filter(concerns).collect();
    if let Some(first) = own.first() {
        let texts: Vec<&str> = own.iter().map(|refusal| refusal.text.as_str()).collect();
        return Verdict::new(of, false, first.reason.name(), texts.join("; ")).finally();
    }
    if !refusals.is_empty() {
        return Verdict::new(
            of,
            ConditionStatus::Unknown,
            "Blocked",
            "nothing is changed while something else is refused",
        );
    }
    if failure.exit_code == EXIT_CONFIGURATION {
        return Verdict::new(of, false, "ConfigurationRefused", failure.message.clone()).finally();
    }
    Verdict::new(of, false, "Unavailable", format!("{}; it is tried again", failure.message))
}

const fn subject(of: Type) -> &'static str {
    match of {
        Type::TopicReady => "the topic",
        Type::SchemaReady => "the schema",
        _ => "the table",
    }
}
