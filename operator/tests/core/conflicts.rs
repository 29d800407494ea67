//! Two pipelines that claim the same.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::claims::{Subject, claims};
use userstream_crds::status::Phase;
use userstream_crds::{UserStreamPipeline, validate};
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::pipeline_key::PipelineKey;
use userstream_operator::plan::reservations::{Conflict, Precedence, Reservations};
use userstream_operator::plan::{Decision, Look};

use crate::cluster::{Cluster, NOW, example};

fn named(name: &str, age: i64) -> UserStreamPipeline {
    let mut resource = example("users");
    resource.metadata.name = Some(name.to_owned());
    resource.metadata.uid = Some(format!("uid of {name}"));
    resource.metadata.creation_timestamp = Some(Time(NOW - jiff::SignedDuration::from_secs(age)));
    resource
}

/// Gives the names of those whom it concerns.
fn insert(index: &mut Reservations, resource: &UserStreamPipeline) -> Vec<String> {
    let concerned = index.insert(&resource.metadata, validate(resource).ok().as_ref().map(claims));
    concerned.into_iter().map(|holder| holder.name).collect()
}

fn conflict(index: &Reservations, name: &str) -> Option<String> {
    index.conflict(&format!("uid of {name}")).map(|conflict| conflict.holder.name)
}

#[test]
fn the_older_pipeline_keeps_what_both_claim_whoever_is_seen_first() {
    let (older, younger) = (named("older", 100), named("younger", 1));
    for order in [[&older, &younger], [&younger, &older]] {
        let mut index = Reservations::default();
        for resource in order {
            insert(&mut index, resource);
        }
        assert_eq!(conflict(&index, "older"), None);
        assert_eq!(conflict(&index, "younger").as_deref(), Some("older"));
    }
}

#[test]
fn of_two_pipelines_of_the_same_second_exactly_one_has_the_conflict() {
    let mut index = Reservations::default();
    insert(&mut index, &named("a", 5));
    insert(&mut index, &named("b", 5));
    assert_eq!((conflict(&index, "a"), conflict(&index, "b").as_deref()), (None, Some("a")));
}

#[test]
fn the_younger_is_told_of_when_the_older_goes() {
    let mut index = Reservations::default();
    insert(&mut index, &named("older", 100));
    insert(&mut index, &named("younger", 1));
    let waiting = index.remove("uid of older");
    assert!(waiting.iter().any(|holder| holder.name == "younger"), "{waiting:?}");
    assert_eq!(conflict(&index, "younger"), None);
    assert!(index.remove("uid of older").is_empty());
}

#[test]
fn the_younger_is_told_of_when_the_older_gives_up_what_both_claim_or_claims_it_later() {
    let mut index = Reservations::default();
    let older = named("older", 100);
    let mut elsewhere = older.clone();
    elsewhere.spec.kafka.bootstrap_servers = "other:9092".to_owned();
    elsewhere.spec.sink.cassandra.contact_points = vec!["other:9042".to_owned()];
    insert(&mut index, &older);
    assert_eq!(insert(&mut index, &named("younger", 1)), [""; 0], "who is older has nothing to wait for");
    assert_eq!(insert(&mut index, &older), [""; 0], "nothing has changed");
    assert_eq!(insert(&mut index, &elsewhere), ["younger"]);
    assert_eq!(conflict(&index, "younger"), None);
    assert_eq!(insert(&mut index, &older), ["younger"]);
    assert_eq!(conflict(&index, "younger").as_deref(), Some("older"));
}

#[test]
fn a_pipeline_whose_edit_is_refused_keeps_its_claims() {
    let mut index = Reservations::default();
    let mut older = named("older", 100);
    insert(&mut index, &older);
    older.spec.processor.filter = Some("this is no expression (".to_owned());
    insert(&mut index, &older);
    insert(&mut index, &named("younger", 1));
    assert_eq!(conflict(&index, "younger").as_deref(), Some("older"));
}

#[test]
fn the_same_names_on_other_clusters_are_no_conflict() {
    let mut index = Reservations::default();
    insert(&mut index, &named("older", 100));
    let mut elsewhere = named("elsewhere", 1);
    elsewhere.spec.kafka.bootstrap_servers = "other:9092".to_owned();
    elsewhere.spec.sink.cassandra.contact_points = vec!["other:9042".to_owned()];
    insert(&mut index, &elsewhere);
    assert_eq!(conflict(&index, "elsewhere"), None);
}

#[test]
fn a_pipeline_that_came_into_conflict_while_it_ran_stops_when_it_is_suspended() {
    for suspend in [false, true] {
        let mut cluster = Cluster::running("users");
        cluster.edit(|spec| spec.suspend = suspend);
        let (observed, pipeline) = (cluster.observed(), cluster.pipeline());
        let conflict = Conflict {
            subject: Subject::Topic(pipeline.topic.name.clone()),
            holder: PipelineKey { namespace: "demo".to_owned(), name: "older".to_owned() },
            precedence: Precedence::Older,
        };
        let look = Look {
            resource: &cluster.resource,
            validated: Ok(&pipeline),
            conflict: Some(&conflict),
            settings: &cluster.settings,
            observed: &observed,
            low_since: None,
            now: NOW,
        };
        let Decision::Work(work) = Decision::of(&look) else { panic!("nothing is told") };
        let stops = |write: &ObjectWrite| matches!(write, ObjectWrite::Stop { .. });
        assert!(work.writes.iter().all(stops), "nothing else is changed: {:?}", work.writes);
        let stopped = work.writes.iter().filter(|write| write.kind() == Kind::Deployment).count();
        let running = if suspend { cluster.names_of(Kind::Deployment).len() } else { 0 };
        assert_eq!(stopped, running, "{:?}", work.writes);
        assert_eq!(work.status(&look, None).phase == Some(Phase::Suspended), suspend);
    }
}
