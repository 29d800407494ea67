//! Whether the exploration finds anything: faults planted into the operator, each with a story in which it shows, and
//! what has to be said of it.

use crate::actions::{Action, Story};
use crate::checker::explore;
use crate::mutants::Fault;
use crate::scenarios::QUIET;
use crate::specs::{Shape, Spec};

/// More than any of the stories has.
const MOST: usize = 20_000;
const BASE: Spec = Spec::new(Shape::Base);

fn finds(fault: Fault, story: &Story, expected: &str) {
    let healthy = explore(story, Fault::None, MOST);
    assert!(healthy.is_ok(), "without the fault: {healthy:?}");
    match explore(story, fault, MOST) {
        Ok(explored) => panic!("{fault:?} is not found in {} states", explored.states),
        Err(told) => assert!(told.contains(expected), "{fault:?} is found for another reason: {told}"),
    }
}

/// One that runs, and what people may make of its spec, so many times.
fn edited(edits: u8, specs: &[Spec]) -> Story {
    Story { specs: specs.to_vec(), edits, ..QUIET }
}

/// One that runs and whose data goes with it.
fn deleted() -> Story {
    Story { begins: BASE.deleting(), edits: 1, deletes: true, ..QUIET }
}

fn begun() -> Story {
    Story { runs: false, ..QUIET }
}

#[test]
fn work_before_the_topic_and_the_table_are_there_is_found() {
    finds(Fault::WorksBeforeItIsProvisioned, &begun(), "which is not provisioned");
}

#[test]
fn a_producer_before_processors_follow_is_found() {
    finds(Fault::ProducesBeforeProcessorsFollow, &begun(), "which no processor has had");
}

#[test]
fn deleting_by_name_what_is_another_object_by_now_is_found() {
    let may = |action| matches!(action, Action::Delete | Action::TakeOver | Action::SomebodyCreates(_));
    let story = Story { foreign: true, faults: 2, may, ..deleted() };
    finds(Fault::DeletesByName, &story, "which is not this pipeline's");
}

#[test]
fn adopting_an_object_of_somebody_else_is_found() {
    let may = |action| matches!(action, Action::SomebodyCreates(_));
    let story = Story { foreign: true, faults: 1, may, ..begun() };
    finds(Fault::AdoptsForeignObjects, &story, "which is somebody else's, was touched");
}

#[test]
fn stopping_what_runs_on_an_invalid_edit_is_found() {
    let story = edited(1, &[Spec::new(Shape::Invalid)]);
    finds(Fault::LosesTheLastGoodOnAnInvalidEdit, &story, "is deleted although the pipeline stays");
}

#[test]
fn letting_a_pipeline_go_before_its_data_is_deleted_is_found() {
    finds(Fault::LetsGoBeforeTheCleanupHasEnded, &deleted(), "what it was to delete is not");
}

#[test]
fn deleting_data_by_what_the_caches_alone_say_is_found() {
    let story = Story { specs: vec![BASE], edits: 2, ..deleted() };
    finds(Fault::CleansUpFromTheCacheAlone, &story, "deletes data that is to stay");
}

#[test]
fn deleting_data_beside_pods_that_work_with_it_is_found() {
    finds(Fault::CleansUpBesideWorkers, &deleted(), "deletes what pods still work with");
}

#[test]
fn writing_for_ever_is_found() {
    finds(Fault::WritesAtRest, &begun(), "it writes although there is nothing to write");
}

#[test]
fn a_finalizer_without_a_reason_is_found() {
    let story = Story { begins: BASE.deleting(), ..edited(1, &[BASE]) };
    finds(Fault::ForgetsTheFinalizer, &story, "has a finalizer without a reason");
}

#[test]
fn deleting_a_configuration_in_use_is_found() {
    let story = edited(1, &[Spec::new(Shape::Field)]);
    finds(Fault::DeletesConfigurationsInUse, &story, "still needs");
}

#[test]
fn a_status_written_to_another_pipeline_of_the_name_is_found() {
    let story = Story { deletes: true, recreates: true, ..edited(3, &[Spec::new(Shape::Scaled)]) };
    finds(Fault::TellsAnotherPipeline, &story, "which is none of");
}

#[test]
fn a_status_that_stays_of_an_old_generation_is_found() {
    let story = edited(1, &[Spec::new(Shape::Scaled)]);
    finds(Fault::TellsNothingNewOfANewGeneration, &story, "its status is of another generation");
}

#[test]
fn work_that_goes_on_although_a_refused_spec_suspends_it_is_found() {
    let story = edited(1, &[Spec::new(Shape::Invalid).suspended()]);
    finds(Fault::IgnoresSuspendOfAnInvalidSpec, &story, "work although it is suspended");
}

#[test]
fn a_second_writer_of_what_another_pipeline_works_with_is_found() {
    let story = Story { rival: true, edits: 1, ..QUIET };
    finds(Fault::TakesWhatAnotherWorksWith, &story, "works beside another pipeline");
}

#[test]
fn not_looking_at_what_a_change_has_brought_is_found() {
    let story = edited(2, &[Spec::new(Shape::Field), BASE.suspended()]);
    finds(Fault::DoesNotLookAtWhatItsChangesBring, &story, "a look has not foreseen");
}
