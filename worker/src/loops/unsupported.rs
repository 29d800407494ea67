//! What a pipeline may ask for and this version does not do.

use userstream_crds::model::Pipeline;

/// The pipeline asks for something that this version does not do. Without it, its rows would be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{field} is not done by this version yet, and without it the rows would be wrong: remove it to run the rest"
)]
pub struct Unsupported {
    /// The field that asks for it.
    pub field: &'static str,
}

/// Checks that this version does everything the pipeline asks for.
///
/// # Errors
/// The first field that asks for something else.
pub fn check_supported(pipeline: &Pipeline) -> Result<(), Unsupported> {
    let processor = &pipeline.processor;
    let unsupported = [
        (!processor.aggregations.is_empty(), "spec.processor.aggregations"),
        (processor.dedupe_within.is_some(), "spec.processor.dedupe"),
    ];
    match unsupported.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, field)) => Err(Unsupported { field }),
        None => Ok(()),
    }
}
