//! The parts of a pipeline, each with its verdict: topic, schema, table, processors, producer, freshness.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use userstream_crds::model::{Cadence, Encoding, Source};
use userstream_crds::names::Component;
use userstream_crds::provision_report::Refusal;
use userstream_crds::worker_pod::{Termination, finished, last_termination};

use super::verdict::{Truth, Type, Verdict};
use crate::build::strimzi_cluster;
use crate::names::Names;
use crate::observed::{Observed, is_owned_by};
use crate::one_shot::{OneShot, start_obstacle};
use crate::reports;
use crate::steps::{Situation, Steps, Turn};
use crate::workload::Rollout;

/// The exit code of a worker that cannot work with its configuration, or was refused.
const EXIT_CONFIGURATION: i32 = 78;

/// The verdicts of topic, schema and table.
pub(super) fn provisioned(situation: &Situation<'_>, steps: &Steps) -> Vec<Verdict> {
    let has_registry = match &situation.pipeline.encoding {
        Encoding::Json(registry) => registry.is_some(),
        Encoding::Avro(_) | Encoding::Protobuf(_) => true,
    };
    let facets = [Type::TopicReady, Type::SchemaReady, Type::TableReady];
    let facets = facets.into_iter().filter(|of| *of != Type::SchemaReady || has_registry);
    facets.map(|of| facet(situation, steps, of)).collect()
}

fn facet(situation: &Situation<'_>, steps: &Steps, of: Type) -> Verdict {
    if of == Type::TopicReady
        && let Some(Err(problem)) = strimzi_cluster(situation)
    {
        return Verdict::new(of, false, "NoKafkaTopic", problem.message()).finally();
    }
    match &steps.provision.state {
        OneShot::Succeeded(_) => {
            Verdict::new(of, true, "Provisioned", format!("{} is as the spec wants it", subject(of)))
        }
        OneShot::Absent if situation.pipeline.suspend => Verdict::new(
            of,
            Truth::Unknown,
            "Suspended",
            "nothing is provisioned while the pipeline is suspended",
        ),
        OneShot::Absent => Verdict::new(of, false, "Provisioning", "provisioning is about to start"),
        OneShot::Running { last_failure: Some(failure), .. } | OneShot::Failed(Some(failure)) => {
            failed(of, failure)
        }
        OneShot::Running { obstacle: Some(obstacle), .. } => Verdict::new(
            of,
            false,
            "PodNotStarting",
            format!("the provisioning pod does not start: {obstacle}"),
        ),
        OneShot::Running { .. } => Verdict::new(of, false, "Provisioning", running(situation)),
        OneShot::Failed(None) => Verdict::new(
            of,
            false,
            "ProvisioningFailed",
            "the provisioning Job has failed: delete it to try again",
        ),
    }
}

fn running(situation: &Situation<'_>) -> String {
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
            Truth::Unknown,
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

/// The verdict of the processors.
pub(super) fn processor(situation: &Situation<'_>, steps: &Steps) -> Verdict {
    let of = Type::ProcessorReady;
    if situation.pipeline.suspend {
        return Verdict::new(of, false, "Suspended", "the processors are suspended");
    }
    match (&steps.processor, &steps.processor_rollout) {
        (Turn::NotYet, _) => Verdict::new(
            of,
            false,
            "AwaitingProvisioning",
            "processors start once topic and table are provisioned",
        ),
        (_, Rollout::Absent) => Verdict::new(of, false, "RollingOut", "the processors are about to start"),
        (_, Rollout::Progressing { updated_and_available, desired, is_stuck }) => {
            let why = why_not_up(situation.observed, Component::Processor)
                .or_else(|| first(&steps.processors.missing))
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            let reason = if *is_stuck { "RolloutStuck" } else { "RollingOut" };
            let message =
                format!("{updated_and_available} of {desired} processors are up to date and available{why}");
            Verdict::new(of, false, reason, message)
        }
        (_, Rollout::Complete { replicas: 0 }) => {
            Verdict::new(of, false, "ScaledToZero", "processor.replicas is 0: records stay in the topic")
        }
        (_, Rollout::Complete { .. }) if steps.processors.lag.is_none() => {
            let why = first(&steps.processors.missing)
                .unwrap_or_else(|| "not every partition is accounted for yet".to_owned());
            Verdict::new(of, false, "LagUnknown", format!("the processors' lag is not known: {why}"))
        }
        (Turn::Wanted, Rollout::Complete { replicas }) => Verdict::new(
            of,
            true,
            "Processing",
            format!("{replicas} processors are up to date and report their lag"),
        ),
        (Turn::LastGood(_) | Turn::Untouched, Rollout::Complete { replicas }) => Verdict::new(
            of,
            true,
            "LastGoodConfiguration",
            format!("{replicas} processors go on with the last good configuration"),
        ),
    }
}

fn first(missing: &std::collections::BTreeSet<String>) -> Option<String> {
    missing.first().cloned()
}

/// The verdict of the producer; `None` without a source.
pub(super) fn producer(situation: &Situation<'_>, steps: &Steps) -> Option<Verdict> {
    let of = Type::ProducerReady;
    let source = situation.pipeline.source.as_ref()?;
    if situation.pipeline.suspend {
        return Some(Verdict::new(of, false, "Suspended", "the producer is suspended"));
    }
    if steps.producer == Turn::NotYet {
        return Some(Verdict::new(
            of,
            false,
            "AwaitingProcessors",
            "the producer starts once processors are ready for its records",
        ));
    }
    Some(match &source.cadence {
        Cadence::Continuous { interval } => continuous(situation, steps, *interval),
        Cadence::Scheduled(_) => scheduled(situation, source),
    })
}

fn continuous(situation: &Situation<'_>, steps: &Steps, interval: Duration) -> Verdict {
    let of = Type::ProducerReady;
    let report = reports::producer(situation.observed, situation.now);
    let missing = report.as_ref().and_then(|report| first(&report.missing));
    let why = |why: Option<String>| why.map(|why| format!(": {why}")).unwrap_or_default();
    // Before the rollout: a producer whose runs fail is not available either, and that is the lesser news.
    let fails = |since| Verdict::new(of, false, "RunsFail", format!("{since}{}", why(missing.clone())));
    match &report {
        Some(report) if report.last_success.is_some_and(|at| is_old(at, interval, situation.now)) => {
            return fails("no run has ended well for three intervals and two minutes");
        }
        Some(report) if report.last_success.is_none() && report.only_failures => {
            return fails("no run has ended well yet");
        }
        _ => {}
    }
    if !steps.producer_rollout.is_complete() {
        let why = why(why_not_up(situation.observed, Component::Producer).or(missing));
        let stuck = matches!(steps.producer_rollout, Rollout::Progressing { is_stuck: true, .. });
        let reason = if stuck { "RolloutStuck" } else { "RollingOut" };
        return Verdict::new(of, false, reason, format!("the producer is not up to date and available{why}"));
    }
    match report {
        None => Verdict::new(of, Truth::Unknown, "NotHeard", "the producer has not told how its runs go yet"),
        Some(report) if report.last_success.is_none() => {
            Verdict::new(of, false, "AwaitingFirstRun", format!("no run has ended yet{}", why(missing)))
        }
        Some(_) => Verdict::new(of, true, "Producing", "the last run ended well"),
    }
}

/// Why pods that should be up are not: what the last worker said that failed, or what keeps one from starting.
fn why_not_up(observed: &Observed, component: Component) -> Option<String> {
    let failed = last_termination(observed.pods_of(component)).filter(|ended| ended.exit_code != 0);
    let stopped = || observed.pods_of(component).find_map(start_obstacle);
    failed.map(|ended| ended.message).or_else(|| stopped().map(|obstacle| obstacle.to_string()))
}

/// Three intervals, and some for a slow page.
fn is_old(at: Timestamp, interval: Duration, now: Timestamp) -> bool {
    let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    age > interval.saturating_mul(3) + Duration::from_secs(120)
}

fn scheduled(situation: &Situation<'_>, source: &Source) -> Verdict {
    let of = Type::ProducerReady;
    let Cadence::Scheduled(schedule) = &source.cadence else {
        return Verdict::new(of, Truth::Unknown, "NotHeard", "the source has no schedule");
    };
    match last_run(situation) {
        Some((job, false)) => {
            let why = last_termination(situation.observed.pods_of_job(job))
                .map(|ended| format!(": {}", ended.message));
            Verdict::new(
                of,
                false,
                "LastRunFailed",
                format!("the last run failed{}", why.unwrap_or_default()),
            )
        }
        Some((_, true)) => Verdict::new(of, true, "LastRunSucceeded", "the last run ended well"),
        None => Verdict::new(
            of,
            true,
            "Scheduled",
            format!(
                "the first run is due at {}, {}",
                schedule.cron,
                schedule.time_zone.iana_name().unwrap_or("UTC")
            ),
        ),
    }
}

/// The last run of a schedule that has ended, and whether it ended well.
pub(super) fn last_run<'a>(situation: &Situation<'a>) -> Option<(&'a Job, bool)> {
    runs(situation.observed, &Names(&situation.pipeline.name).of(Component::Producer))
        .filter_map(|job| Some((job, finished(job)?)))
        .max_by_key(|(job, _)| {
            job.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0)
        })
}

fn runs<'a>(observed: &'a Observed, cron_job: &str) -> impl Iterator<Item = &'a Job> {
    let uid = observed.cron_job(cron_job).and_then(|it| it.metadata.uid.as_deref());
    observed.jobs.iter().map(AsRef::as_ref).filter(move |job| is_owned_by(*job, uid))
}

/// Whether there is a PodMonitor; `None` where none is asked for. Records flow without one, so that nothing else waits for it.
pub(super) fn monitoring(situation: &Situation<'_>) -> Option<Verdict> {
    let of = Type::MonitoringReady;
    let has_kind = situation.settings.kinds.pod_monitor;
    situation.pipeline.pod_monitor.then(|| match has_kind {
        true => Verdict::new(of, true, "Monitored", "a PodMonitor has the workers scraped"),
        false => Verdict::new(
            of,
            false,
            "NoPodMonitor",
            "observability.podMonitor is set, but the cluster has no PodMonitor kind: install the Prometheus operator and restart this one",
        ),
    })
}

/// Whether rows are as fresh as they are meant to be; `None` without an objective.
pub(super) fn freshness(situation: &Situation<'_>, steps: &Steps) -> Option<Verdict> {
    let of = Type::FreshnessMet;
    let objective = situation.pipeline.freshness?;
    let verdict = |truth: Truth, reason, is| {
        Verdict::new(
            of,
            truth,
            reason,
            format!("99 of 100 rows {is} within {objective:?} of their record's time"),
        )
    };
    let seen = &steps.processors;
    Some(match seen.freshness {
        _ if situation.pipeline.suspend => {
            verdict(Truth::Unknown, "Suspended", "are not written while suspended; they are meant to be")
        }
        Some(age) if age <= objective => verdict(Truth::True, "Fresh", "are written"),
        Some(_) => verdict(Truth::False, "Late", "are meant to be written, and are not,"),
        // Nothing was written of late: because there was nothing, or because it did not succeed.
        None if seen.last_row.is_none() => verdict(Truth::Unknown, "NoRowsYet", "are meant to be written"),
        None => match seen.lag {
            Some(0) => verdict(Truth::True, "CaughtUp", "are meant to be written; every record is,"),
            Some(_) => verdict(Truth::False, "NoRows", "are meant to be written, and none was of late,"),
            None => {
                verdict(Truth::Unknown, "UnknownLag", "are meant to be written; whether they are is unknown,")
            }
        },
    })
}
