//! What can be typed for a pipeline in a cluster.
#![cfg_attr(
    not(feature = "cluster"),
    allow(
        dead_code,
        reason = "a usp without the client explains these commands and carries out none of them"
    )
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use userstream_crds::duration::GoDuration;

/// What needs a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    Status(StatusArguments),
    Get(GetArguments),
    Run(RunArguments),
    /// Stop pipelines in the cluster
    ///
    /// Sets spec.suspend. Suspended, a pipeline has no producer and no processors; topic, table and positions stay.
    #[command(after_help = "Examples:\n  usp suspend users -n demo")]
    Suspend(SuspendArguments),
    /// Let suspended pipelines in the cluster go on
    ///
    /// Takes spec.suspend back. A pipeline goes on where it was.
    #[command(after_help = "Examples:\n  usp resume users -n demo")]
    Resume(SuspendArguments),
    Logs(LogsArguments),
    Check(CheckArguments),
}

/// Which cluster, and where in it. As kubectl finds it, unless something else is said.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClusterArguments {
    /// The namespace. Default: that of the context.
    #[arg(long, short, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub(crate) namespace: Option<String>,

    /// The context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "CONTEXT", help_heading = "Cluster")]
    pub(crate) context: Option<String>,

    /// The kubeconfig. Default: the files that KUBECONFIG names, then ~/.kube/config, then the pod's own account.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Show how a pipeline in the cluster stands, and why it does not work
///
/// The first line says how it stands; when something is broken, it is the cause. Below it is everything that the pipeline
/// consists of: the operator, Jobs, pods, the topic with its lag, processors, the table.
///
/// What you may not read is left out, and said to be. Needs: get pipelines, list deployments, cronjobs, jobs and pods, and, to
/// see what processors tell of themselves, get pods/proxy.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp status users -n demo\n  \
                  usp status users -o json | jq -r .cause.text\n\n\
                  Exit codes:\n  \
                  0   ready for its current spec, or suspended and at rest\n  \
                  3   not ready; the first line says why")]
pub(crate) struct StatusArguments {
    /// The pipeline.
    pub(crate) name: String,

    /// How to print it.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = DocumentFormat::Human)]
    pub(crate) output: DocumentFormat,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// List pipelines in the cluster
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  usp get -n demo\n  usp get --all-namespaces -o wide\n  usp get users -o yaml"
)]
pub(crate) struct GetArguments {
    /// The pipelines. Default: all of the namespace.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Those of every namespace.
    #[arg(long, short = 'A', conflicts_with_all = ["names", "namespace"])]
    pub(crate) all_namespaces: bool,

    /// How to print them. json and yaml: the resources, in a list unless one name is given.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = ListFormat::Human)]
    pub(crate) output: ListFormat,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Run a pipeline's producer once, now, in the cluster
///
/// Sets spec.source.triggerNonce to a new value, which has the operator start a Job. Where the spec is kept in Git, the tool
/// that applies it may set the value back; that starts no second run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp run users -n demo\n  \
                  usp run users --wait --timeout 5m\n\n\
                  Exit codes with --wait:\n  \
                  0   the run ended well\n  \
                  3   it failed, or did not end in time")]
pub(crate) struct RunArguments {
    /// The pipeline.
    pub(crate) name: String,

    /// Wait until the run has ended.
    #[arg(long)]
    pub(crate) wait: bool,

    /// Wait no longer than this: 90s, 10m.
    #[arg(long, value_name = "DURATION", default_value = "10m", requires = "wait")]
    pub(crate) timeout: GoDuration,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Which pipelines to stop, or to let go on.
#[derive(Debug, Args)]
pub(crate) struct SuspendArguments {
    /// The pipelines.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Print what a pipeline's workers in the cluster log
///
/// Without a choice, the logs of all of them. With --follow, also of pods that come later, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp logs users -n demo --processor --follow\n  \
                  usp logs users --provision --since 1h")]
pub(crate) struct LogsArguments {
    /// The pipeline.
    pub(crate) name: String,

    /// Those of the producer, and of single runs.
    #[arg(long)]
    pub(crate) producer: bool,

    /// Those of the processors.
    #[arg(long)]
    pub(crate) processor: bool,

    /// Those of provisioning, planning and cleaning up.
    #[arg(long)]
    pub(crate) provision: bool,

    /// Go on with what is logged from now on.
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// Not older than this: 30s, 2h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) since: Option<GoDuration>,

    /// No more than this many of the last lines of each pod.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u32>,

    /// Those of containers that were restarted, before the restart.
    #[arg(long, short, conflicts_with = "follow")]
    pub(crate) previous: bool,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Check whether a cluster is ready for pipelines
///
/// Looks at the version of Kubernetes, the CustomResourceDefinition (installed, and the one of this usp), what you may do in the
/// namespace, and the operator with its images. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp check\n  \
                  usp check -n demo -o json\n\n\
                  Exit codes:\n  \
                  0   nothing is missing; there may be warnings\n  \
                  3   something is missing")]
pub(crate) struct CheckArguments {
    /// How to print it.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = DocumentFormat::Human)]
    pub(crate) output: DocumentFormat,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// How to print one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// For programs, and for people who know the fields.
    Yaml,
}

/// How to print a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table.
    Human,
    /// A table with more columns.
    Wide,
    /// For programs.
    Json,
    /// For programs, and for people who know the fields.
    Yaml,
}
