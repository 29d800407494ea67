//! One sample of each pipeline, from its last reconcile. The labels are its namespace and name, so each pipeline has a
//! fixed number of series, and they are removed with the pipeline.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::model::pipeline_key::PipelineKey;
use crate::runtime::sync::lock;
use crate::status::pipeline_sample::PipelineSample;

/// The samples of all pipelines.
#[derive(Clone, Debug, Default)]
pub(crate) struct PipelineSamples(Arc<Mutex<BTreeMap<PipelineKey, Sampled>>>);

#[derive(Clone, Debug)]
struct Sampled {
    /// The UID of the pipeline: another one may have its name by now.
    uid: String,
    sample: PipelineSample,
}

impl PipelineSamples {
    /// Sets the sample of a pipeline.
    pub(crate) fn set(&self, key: PipelineKey, uid: &str, sample: PipelineSample) {
        lock(&self.0).insert(key, Sampled { uid: uid.to_owned(), sample });
    }

    /// Removes the sample of the pipeline with this UID.
    pub(crate) fn remove(&self, uid: &str) {
        lock(&self.0).retain(|_, sampled| sampled.uid != uid);
    }
}

/// A gauge, and its value in a sample.
struct Gauge {
    name: &'static str,
    help: &'static str,
    value: fn(&PipelineSample) -> Option<i64>,
}

const GAUGES: [Gauge; 8] = [
    Gauge {
        name: "userstream_pipeline_ready",
        help: "1 while the pipeline is Ready",
        value: |it| it.is_ready.map(i64::from),
    },
    Gauge {
        name: "userstream_pipeline_stalled",
        help: "1 while only a change by the user helps the pipeline",
        value: |it| Some(it.is_stalled.into()),
    },
    Gauge {
        name: "userstream_pipeline_suspended",
        help: "1 while the pipeline is suspended",
        value: |it| Some(it.is_suspended.into()),
    },
    Gauge {
        name: "userstream_pipeline_lag_records",
        help: "Records that are not written yet",
        value: |it| it.lag,
    },
    Gauge {
        name: "userstream_pipeline_dead_letter_depth_records",
        help: "Records in the dead-letter topic",
        value: |it| it.dead_letters,
    },
    Gauge {
        name: "userstream_pipeline_last_success_timestamp_seconds",
        help: "When a run of the source last succeeded",
        value: |it| it.last_success.map(Timestamp::as_second),
    },
    Gauge {
        name: "userstream_pipeline_next_run_timestamp_seconds",
        help: "When the scheduled run after the last successful one is due",
        value: |it| it.next_run.map(Timestamp::as_second),
    },
    Gauge {
        name: "userstream_pipeline_last_run_failed",
        help: "1 if the last finished run of the schedule failed",
        value: |it| it.last_run_failed.map(i64::from),
    },
];

impl Collector for PipelineSamples {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let samples = lock(&self.0).clone();
        let name = "userstream_pipeline_info";
        let mut info =
            encoder.encode_descriptor(name, "Pipelines by their source", None, MetricType::Gauge)?;
        for (key, Sampled { sample, .. }) in &samples {
            let [namespace, pipeline] = labels(key);
            let source = sample.source.map_or("None", |source| source.name());
            info.encode_family(&[namespace, pipeline, ("source", source)])?.encode_gauge(&1_i64)?;
        }
        for Gauge { name, help, value } in GAUGES {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (key, Sampled { sample, .. }) in &samples {
                if let Some(value) = value(sample) {
                    gauge.encode_family(&labels(key))?.encode_gauge(&value)?;
                }
            }
        }
        let (name, help) = ("userstream_pipeline_failed_runs", "Failed scheduled and manual runs");
        let mut failed = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (key, Sampled { sample, .. }) in &samples {
            let labels = labels(key);
            let mut series = failed.encode_family(&labels)?;
            series.encode_counter::<NoLabelSet, u64, f64>(&sample.failed_runs, None)?;
        }
        Ok(())
    }
}

fn labels(key: &PipelineKey) -> [(&'static str, &str); 2] {
    [("namespace", &key.namespace), ("pipeline", &key.name)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Metrics;
    use userstream_crds::source::SourceMode;

    fn key(name: &str) -> PipelineKey {
        PipelineKey { namespace: "demo".to_owned(), name: name.to_owned() }
    }

    /// The samples of a page that are about a pipeline.
    fn series(metrics: &Metrics) -> Vec<String> {
        let page = metrics.encode().unwrap();
        page.lines().filter(|line| line.starts_with("userstream_pipeline_")).map(str::to_owned).collect()
    }

    #[test]
    fn known_values_of_a_pipeline_are_exported() {
        let metrics = Metrics::default();
        assert!(series(&metrics).is_empty());
        let sample = PipelineSample {
            source: Some(SourceMode::Scheduled),
            is_ready: Some(false),
            lag: Some(7),
            next_run: Timestamp::from_second(1_800_000_000).ok(),
            last_run_failed: Some(true),
            failed_runs: 3,
            ..PipelineSample::default()
        };
        metrics.pipelines.set(key("users"), "1", sample);
        let own = r#"namespace="demo",pipeline="users""#;
        assert_eq!(
            series(&metrics),
            [
                format!(r#"userstream_pipeline_info{{{own},source="Scheduled"}} 1"#),
                format!("userstream_pipeline_ready{{{own}}} 0"),
                format!("userstream_pipeline_stalled{{{own}}} 0"),
                format!("userstream_pipeline_suspended{{{own}}} 0"),
                format!("userstream_pipeline_lag_records{{{own}}} 7"),
                format!("userstream_pipeline_next_run_timestamp_seconds{{{own}}} 1800000000"),
                format!("userstream_pipeline_last_run_failed{{{own}}} 1"),
                format!("userstream_pipeline_failed_runs_total{{{own}}} 3"),
            ]
        );
    }

    #[test]
    fn series_of_a_pipeline_are_removed_with_it() {
        let metrics = Metrics::default();
        metrics.pipelines.set(key("users"), "1", PipelineSample::default());
        metrics.pipelines.set(key("users"), "2", PipelineSample::default());
        metrics.pipelines.remove("1");
        assert!(!series(&metrics).is_empty(), "another pipeline has its name");
        metrics.pipelines.remove("2");
        assert!(series(&metrics).is_empty());
    }
}
