//! What a worker reads is what the pipeline declares: the operator withholds only fields on which no worker acts.

#[path = "../../../crds/tests/resource/fields/samples.rs"]
#[allow(dead_code, reason = "the samples serve other tests too")]
mod samples;

use serde_json::Value;
use userstream_crds::model::{Cadence, DeletionPolicy, Mode, Pipeline};
use userstream_crds::worker_config::WorkerConfig;
use userstream_crds::{UserStreamPipeline, validate};
use userstream_operator::model::configuration::{Configuration, Purpose};

use crate::cluster::{example, settings};
use samples::samples;

/// A field of the model, and its value in every configuration.
type Withheld = (&'static str, fn(&mut Pipeline));

/// The fields that only the operator reads. A test of the resource proves that no worker reads them.
const WITHHELD: [Withheld; 7] = [
    ("Pipeline.suspend", |model| model.suspend = false),
    ("Processor.replicas", |model| model.processor.replicas = 1),
    ("Pipeline.autoscaling", |model| model.autoscaling = None),
    ("Pipeline.freshness", |model| model.freshness = None),
    ("Pipeline.pod_monitor", |model| model.pod_monitor = false),
    ("Pipeline.template", |model| model.template = Default::default()),
    ("Source.trigger_nonce", |model| {
        if let Some(source) = &mut model.source {
            source.trigger_nonce = 0;
        }
    }),
];

/// The model that a worker has to read for a purpose.
fn expected(mut model: Pipeline, purpose: Purpose, read: &Pipeline) -> Pipeline {
    for (_, withhold) in WITHHELD {
        withhold(&mut model);
    }
    // `provision` gets the mode as an argument.
    model.mode = Mode::Apply;
    // The CronJob schedules runs. A worker reads only that they are scheduled.
    if let (Some(own), Some(read)) = (&mut model.source, &read.source)
        && let (Cadence::Scheduled(own), Cadence::Scheduled(read)) = (&mut own.cadence, &read.cadence)
    {
        own.clone_from(read);
    }
    // Only cleanup deletes.
    if purpose == Purpose::Work {
        model.topic.deletion = DeletionPolicy::Retain;
        model.keyspace.deletion = DeletionPolicy::Retain;
        model.table.deletion = DeletionPolicy::Retain;
    }
    model
}

/// The resource with this spec, if it is valid.
fn valid(spec: &Value) -> Option<(UserStreamPipeline, Pipeline)> {
    let spec = serde_json::from_value(spec.clone()).unwrap();
    let resource = UserStreamPipeline { spec, ..example("users") };
    let model = validate(&resource).ok()?;
    Some((resource, model))
}

#[test]
fn every_field_that_workers_read_reaches_them() {
    let settings = settings();
    let mut count = 0;
    for sample in samples() {
        let Some((resource, model)) = valid(&sample.with()) else { continue };
        for purpose in [Purpose::Work, Purpose::Cleanup] {
            let rendered = Configuration::of(&resource, &model, purpose, &settings);
            let (_, read) = WorkerConfig::parse(&rendered.text).unwrap();
            let expected = expected(model.clone(), purpose, &read);
            assert_eq!(read, expected, "{} does not reach {purpose:?}", sample.field);
        }
        count += 1;
    }
    assert!(count > 80, "{count} samples");
}

#[test]
fn withheld_fields_are_those_that_no_worker_reads() {
    let names: Vec<&str> = WITHHELD.iter().map(|(name, _)| *name).collect();
    let unread = include_str!("../../../crds/tests/resource/fields/withheld_from_workers.txt");
    assert_eq!(names, unread.lines().collect::<Vec<_>>());
}
