//! Two pipelines with the same claims.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::claims::{Subject, claims};
use userstream_crds::status::Phase;
use userstream_crds::{UserStreamPipeline, validate};
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::model::conflict::{Conflict, Precedence};
use userstream_operator::model::input::Input;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::pipeline_key::PipelineKey;
use userstream_operator::plan::Decision;
use userstream_operator::plan::reservations::Reservations;

use crate::cluster::{Cluster, NOW, example};

fn named(name: &str, age: i64) -> UserStreamPipeline {
    let mut resource = example("users");
    resource.metadata.name = Some(name.to_owned());
    resource.metadata.uid = Some(format!("uid of {name}"));
    resource.metadata.creation_timestamp = Some(Time(NOW - jiff::SignedDuration::from_secs(age)));
    resource
}

/// Returns the names of the affected pipelines.
fn declare(reservations: &mut Reservations, resource: &UserStreamPipeline) -> Vec<String> {
    let affected = reservations.declare(&resource.metadata, validate(resource).ok().as_ref().map(claims));
    affected.into_iter().map(|holder| holder.name).collect()
}

fn conflict(reservations: &Reservations, name: &str) -> Option<String> {
    reservations.conflict(&format!("uid of {name}")).map(|conflict| conflict.holder.name)
}

#[test]
fn older_pipeline_holds_what_both_claim() {
    let (older, younger) = (named("older", 100), named("younger", 1));
    for order in [[&older, &younger], [&younger, &older]] {
        let mut reservations = Reservations::default();
        for resource in order {
            declare(&mut reservations, resource);
        }
        assert_eq!(conflict(&reservations, "older"), None);
        assert_eq!(conflict(&reservations, "younger").as_deref(), Some("older"));
    }
}

#[test]
fn uid_decides_between_pipelines_of_the_same_second() {
    let mut reservations = Reservations::default();
    declare(&mut reservations, &named("a", 5));
    declare(&mut reservations, &named("b", 5));
    assert_eq!((conflict(&reservations, "a"), conflict(&reservations, "b").as_deref()), (None, Some("a")));
}

#[test]
fn younger_pipeline_is_affected_by_deletion_of_the_older() {
    let mut reservations = Reservations::default();
    declare(&mut reservations, &named("older", 100));
    declare(&mut reservations, &named("younger", 1));
    let waiting = reservations.remove("uid of older");
    assert!(waiting.iter().any(|holder| holder.name == "younger"), "{waiting:?}");
    assert_eq!(conflict(&reservations, "younger"), None);
    assert!(reservations.remove("uid of older").is_empty());
}

#[test]
fn younger_pipeline_is_affected_by_edits_of_the_older() {
    let mut reservations = Reservations::default();
    let older = named("older", 100);
    let mut elsewhere = older.clone();
    elsewhere.spec.kafka.bootstrap_servers = "other:9092".to_owned();
    elsewhere.spec.sink.cassandra.contact_points = vec!["other:9042".to_owned()];
    declare(&mut reservations, &older);
    assert_eq!(declare(&mut reservations, &named("younger", 1)), [""; 0], "the older one does not wait");
    assert_eq!(declare(&mut reservations, &older), [""; 0], "nothing has changed");
    assert_eq!(declare(&mut reservations, &elsewhere), ["younger"]);
    assert_eq!(conflict(&reservations, "younger"), None);
    assert_eq!(declare(&mut reservations, &older), ["younger"]);
    assert_eq!(conflict(&reservations, "younger").as_deref(), Some("older"));
}

#[test]
fn refused_edit_keeps_the_claims() {
    let mut reservations = Reservations::default();
    let mut older = named("older", 100);
    declare(&mut reservations, &older);
    older.spec.processor.filter = Some("this is no expression (".to_owned());
    declare(&mut reservations, &older);
    declare(&mut reservations, &named("younger", 1));
    assert_eq!(conflict(&reservations, "younger").as_deref(), Some("older"));
}

#[test]
fn same_names_on_other_clusters_do_not_conflict() {
    let mut reservations = Reservations::default();
    declare(&mut reservations, &named("older", 100));
    let mut elsewhere = named("elsewhere", 1);
    elsewhere.spec.kafka.bootstrap_servers = "other:9092".to_owned();
    elsewhere.spec.sink.cassandra.contact_points = vec!["other:9042".to_owned()];
    declare(&mut reservations, &elsewhere);
    assert_eq!(conflict(&reservations, "elsewhere"), None);
}

#[test]
fn suspended_pipeline_with_a_conflict_is_stopped() {
    for suspend in [false, true] {
        let mut cluster = Cluster::running("users");
        cluster.edit(|spec| spec.suspend = suspend);
        let (observed, pipeline) = (cluster.observed(), cluster.pipeline());
        let conflict = Conflict {
            subject: Subject::Topic(pipeline.topic.name.clone()),
            holder: PipelineKey { namespace: "demo".to_owned(), name: "older".to_owned() },
            precedence: Precedence::Older,
        };
        let input = Input {
            resource: &cluster.resource,
            validated: Ok(&pipeline),
            conflict: Some(&conflict),
            settings: &cluster.settings,
            observed: &observed,
            low_since: None,
            now: NOW,
        };
        let Decision::Apply(plan) = Decision::of(&input) else { panic!("nothing is reported") };
        let stops = |write: &ObjectWrite| matches!(write, ObjectWrite::Stop { .. });
        assert!(plan.writes.iter().all(stops), "nothing else is changed: {:?}", plan.writes);
        let stopped = plan.writes.iter().filter(|write| write.kind() == Kind::Deployment).count();
        let running = if suspend { cluster.names_of(Kind::Deployment).len() } else { 0 };
        assert_eq!(stopped, running, "{:?}", plan.writes);
        assert_eq!(plan.status(&input, None).phase == Some(Phase::Suspended), suspend);
    }
}
