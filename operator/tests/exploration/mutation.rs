//! Mutation tests of the model checker: each mutant violates an invariant in a small scenario, and the operator as it
//! is does not.

use crate::actions::Action;
use crate::checker::explore;
use crate::mutants::Mutant;
use crate::scenarios::{QUIET, Scenario};
use crate::specs::{Shape, Spec};

/// More states than any of the scenarios has.
const MOST: usize = 20_000;
const BASE: Spec = Spec::new(Shape::Base);

fn finds(mutant: Mutant, scenario: &Scenario, violation: &str) {
    let original = explore(scenario, Mutant::None, MOST);
    assert!(original.is_ok(), "without the mutant: {original:?}");
    match explore(scenario, mutant, MOST) {
        Ok(explored) => panic!("{mutant:?} survives {} states", explored.states),
        Err(trace) => assert!(trace.contains(violation), "{mutant:?} violates something else: {trace}"),
    }
}

/// A running pipeline that users edit to these specs, so many times.
fn edited(edits: u8, specs: &[Spec]) -> Scenario {
    Scenario { specs: specs.to_vec(), edits, ..QUIET }
}

/// A running pipeline that is deleted with its data.
fn deleted() -> Scenario {
    Scenario { initial: BASE.deleting(), edits: 1, deletes: true, ..QUIET }
}

fn new() -> Scenario {
    Scenario { starts_running: false, ..QUIET }
}

#[test]
fn workloads_before_provisioning_are_found() {
    finds(Mutant::RunsBeforeProvisioning, &new(), "which is not provisioned");
}

#[test]
fn producer_before_processors_is_found() {
    finds(Mutant::ProducesBeforeProcessors, &new(), "which no processor has run");
}

#[test]
fn deletion_by_name_is_found() {
    let may = |action| matches!(action, Action::Delete | Action::Failover | Action::ClientCreates(_));
    let scenario = Scenario { foreign: true, faults: 2, may, ..deleted() };
    finds(Mutant::DeletesByName, &scenario, "which does not belong to this pipeline");
}

#[test]
fn adoption_of_a_foreign_object_is_found() {
    let may = |action| matches!(action, Action::ClientCreates(_));
    let scenario = Scenario { foreign: true, faults: 1, may, ..new() };
    finds(Mutant::AdoptsForeignObjects, &scenario, "which belongs to another client, was changed");
}

#[test]
fn stop_on_an_invalid_edit_is_found() {
    let scenario = edited(1, &[Spec::new(Shape::Invalid)]);
    finds(Mutant::DropsTheLastGoodOnAnInvalidEdit, &scenario, "is deleted although the pipeline stays");
}

#[test]
fn release_before_the_cleanup_is_found() {
    finds(Mutant::ReleasesBeforeTheCleanup, &deleted(), "what it was to delete is not");
}

#[test]
fn cleanup_from_stale_stores_is_found() {
    let scenario = Scenario { specs: vec![BASE], edits: 2, ..deleted() };
    finds(Mutant::CleansUpFromTheStoresAlone, &scenario, "deletes data that is to stay");
}

#[test]
fn cleanup_beside_running_pods_is_found() {
    finds(Mutant::CleansUpBesideRunningPods, &deleted(), "deletes what pods still use");
}

#[test]
fn endless_writes_are_found() {
    finds(Mutant::WritesForEver, &new(), "it writes although nothing has changed");
}

#[test]
fn finalizer_without_a_reason_is_found() {
    let scenario = Scenario { initial: BASE.deleting(), ..edited(1, &[BASE]) };
    finds(Mutant::ForgetsTheFinalizer, &scenario, "has a finalizer without a reason");
}

#[test]
fn deletion_of_a_referenced_configuration_is_found() {
    let scenario = edited(1, &[Spec::new(Shape::Field)]);
    finds(Mutant::DeletesReferencedConfigurations, &scenario, "still needs");
}

#[test]
fn status_of_another_pipeline_of_the_name_is_found() {
    let scenario = Scenario { deletes: true, recreates: true, ..edited(3, &[Spec::new(Shape::Scaled)]) };
    finds(Mutant::WritesStatusOfAnotherPipeline, &scenario, "which is none of");
}

#[test]
fn status_of_an_old_generation_is_found() {
    let scenario = edited(1, &[Spec::new(Shape::Scaled)]);
    finds(Mutant::ReportsAnOldGeneration, &scenario, "its status is of another generation");
}

#[test]
fn workloads_of_a_suspended_refused_spec_are_found() {
    let scenario = edited(1, &[Spec::new(Shape::Invalid).suspended()]);
    finds(Mutant::IgnoresSuspendOfAnInvalidSpec, &scenario, "run although it is suspended");
}

#[test]
fn second_writer_is_found() {
    let scenario = Scenario { contender: true, edits: 1, ..QUIET };
    finds(Mutant::TakesWhatAnotherUses, &scenario, "runs beside another pipeline");
}

#[test]
fn change_without_a_following_reconcile_is_found() {
    let scenario = edited(2, &[Spec::new(Shape::Field), BASE.suspended()]);
    finds(Mutant::IgnoresConsequencesOfChanges, &scenario, "a reconcile leaves to the next");
}
