//! Two pipelines that claim the same.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::claims::claims;
use userstream_crds::{UserStreamPipeline, validate};
use userstream_operator::claim_index::ClaimIndex;

use crate::cluster::{NOW, example};

fn named(name: &str, age: i64) -> UserStreamPipeline {
    let mut resource = example("users");
    resource.metadata.name = Some(name.to_owned());
    resource.metadata.uid = Some(format!("uid of {name}"));
    resource.metadata.creation_timestamp = Some(Time(NOW - jiff::SignedDuration::from_secs(age)));
    resource
}

fn insert(index: &mut ClaimIndex, resource: &UserStreamPipeline) {
    index.insert(resource, validate(resource).ok().as_ref().map(claims));
}

fn conflict(index: &ClaimIndex, name: &str) -> Option<String> {
    index.conflict(&format!("uid of {name}")).map(|conflict| conflict.holder.name)
}

#[test]
fn the_older_pipeline_keeps_what_both_claim_whoever_is_seen_first() {
    let (older, younger) = (named("older", 100), named("younger", 1));
    for order in [[&older, &younger], [&younger, &older]] {
        let mut index = ClaimIndex::default();
        for resource in order {
            insert(&mut index, resource);
        }
        assert_eq!(conflict(&index, "older"), None);
        assert_eq!(conflict(&index, "younger").as_deref(), Some("older"));
    }
}

#[test]
fn of_two_pipelines_of_the_same_second_exactly_one_has_the_conflict() {
    let mut index = ClaimIndex::default();
    insert(&mut index, &named("a", 5));
    insert(&mut index, &named("b", 5));
    assert_eq!((conflict(&index, "a"), conflict(&index, "b").as_deref()), (None, Some("a")));
}

#[test]
fn the_younger_is_told_of_when_the_older_goes() {
    let mut index = ClaimIndex::default();
    insert(&mut index, &named("older", 100));
    insert(&mut index, &named("younger", 1));
    let waiting = index.remove("uid of older");
    assert!(waiting.iter().any(|holder| holder.name == "younger"), "{waiting:?}");
    assert_eq!(conflict(&index, "younger"), None);
    assert!(index.remove("uid of older").is_empty());
}

#[test]
fn a_pipeline_whose_edit_is_refused_keeps_its_claims() {
    let mut index = ClaimIndex::default();
    let mut older = named("older", 100);
    insert(&mut index, &older);
    older.spec.processor.filter = Some("this is no expression (".to_owned());
    insert(&mut index, &older);
    insert(&mut index, &named("younger", 1));
    assert_eq!(conflict(&index, "younger").as_deref(), Some("older"));
}

#[test]
fn the_same_names_on_other_clusters_are_no_conflict() {
    let mut index = ClaimIndex::default();
    insert(&mut index, &named("older", 100));
    let mut elsewhere = named("elsewhere", 1);
    elsewhere.spec.kafka.bootstrap_servers = "other:9092".to_owned();
    elsewhere.spec.sink.cassandra.contact_points = vec!["other:9042".to_owned()];
    insert(&mut index, &elsewhere);
    assert_eq!(conflict(&index, "elsewhere"), None);
}
