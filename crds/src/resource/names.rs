//! Labels, annotations and the finalizer that connect a pipeline with its objects. The operator writes them; `usp`
//! selects objects by them.

use kube::ResourceExt;

/// The field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "userstream-operator";
/// The label with the name of the object's pipeline. Together with [`COMPONENT`] it selects pods.
pub const PIPELINE: &str = "userstream.dev/pipeline";
/// The label with the name of the object's [`Component`].
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The annotation with the hash of a workload's configuration.
pub const CONFIGURATION: &str = "userstream.dev/configuration";
/// The annotation with the hash of the last applied manifest.
pub const APPLIED: &str = "userstream.dev/applied";
/// The annotation with the UID of the pipeline of an object that outlives it, and thus has no owner reference.
pub const RETAINED_FOR: &str = "userstream.dev/retained-for";
/// The annotation on a pipeline that keeps the operator from changing anything.
pub const PAUSE: &str = "userstream.dev/pause-reconciliation";
/// The annotation on a pipeline that provisions it once more when the value changes.
pub const REQUESTED_AT: &str = "userstream.dev/requested-at";
/// The finalizer of a pipeline that deletes what it created, before Kubernetes deletes the pipeline.
pub const FINALIZER: &str = "userstream.dev/cleanup";

/// The part of a pipeline that an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Fetches from the source and appends to the topic.
    Producer,
    /// Reads the topic and writes the table.
    Processor,
    /// Creates and changes topics, keyspace and table.
    Provision,
    /// Reports what provisioning would change.
    Plan,
    /// Runs the producer once, now.
    Run,
    /// Deletes what the pipeline created.
    Cleanup,
    /// The worker's configuration.
    Configuration,
}

impl Component {
    /// The value of the label, and the suffix of object names.
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

    /// Whether an object has the label of this component.
    pub fn is_of(self, object: &impl ResourceExt) -> bool {
        object.labels().get(COMPONENT).is_some_and(|label| label == self.name())
    }
}
