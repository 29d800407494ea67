//! What the objects of a pipeline are called and how they are told apart: labels and annotations. The operator writes them;
//! whoever looks at a cluster recognises a pipeline's objects by them.

use kube::ResourceExt;

/// The field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "userstream-operator";
/// The label that tells whose an object is; with [`COMPONENT`] it selects pods.
pub const PIPELINE: &str = "userstream.dev/pipeline";
/// The label that tells what an object is for: the name of a [`Component`].
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The annotation with the hash of the configuration that a workload runs with.
pub const CONFIGURATION: &str = "userstream.dev/configuration";
/// The annotation with the hash of what was applied last.
pub const APPLIED: &str = "userstream.dev/applied";
/// The annotation with the UID of the pipeline whose object it is although the object outlives it.
pub const RETAINED_FOR: &str = "userstream.dev/retained-for";
/// The annotation on a pipeline that keeps the operator from changing anything.
pub const PAUSE: &str = "userstream.dev/pause-reconciliation";
/// The annotation on a pipeline that has it provisioned once more when its value changes.
pub const REQUESTED_AT: &str = "userstream.dev/requested-at";
/// The finalizer of a pipeline that deletes what it created.
pub const FINALIZER: &str = "userstream.dev/cleanup";

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Fetches from the source and appends to the topic.
    Producer,
    /// Reads the topic and writes the table.
    Processor,
    /// Makes topic and table.
    Provision,
    /// Says what making them would change.
    Plan,
    /// Runs the producer once, now.
    Run,
    /// Deletes what the pipeline created.
    Cleanup,
    /// The worker's configuration.
    Configuration,
}

impl Component {
    /// The label's value, and the part of names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Processor => "processor",
            Self::Provision => "provision",
            Self::Plan => "plan",
            Self::Run => "run",
            Self::Cleanup => "cleanup",
            Self::Configuration => "config",
        }
    }

    /// Whether an object is for this, as its label says.
    pub fn is_of(self, object: &impl ResourceExt) -> bool {
        object.labels().get(COMPONENT).is_some_and(|label| label == self.name())
    }
}
