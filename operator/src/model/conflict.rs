//! A claim of a pipeline that another pipeline holds.

use userstream_crds::claims::Subject;

use super::pipeline_key::PipelineKey;

/// A claim that another pipeline holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What both claim.
    pub subject: Subject,
    /// The pipeline that holds it.
    pub holder: PipelineKey,
    /// Why it holds it.
    pub precedence: Precedence,
}

/// Why another pipeline holds a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// It is older.
    Older,
    /// It is younger, but it started to use the subject first.
    First,
    /// It is deleted, and its workers have not terminated yet.
    Ending,
}
