//! The command line of the commands for a cluster.
#![cfg_attr(
    not(feature = "cluster"),
    allow(
        dead_code,
        reason = "a usp without the Kubernetes client parses these commands and runs none of them"
    )
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use userstream_crds::duration::GoDuration;

/// The commands that need a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    Status(StatusArguments),
    Get(GetArguments),
    Run(RunArguments),
    /// Suspend pipelines in the cluster
    ///
    /// Sets spec.suspend. A suspended pipeline has no producer and no processors. It keeps its topic, table and positions.
    #[command(after_help = "Examples:\n  usp suspend users -n demo")]
    Suspend(SuspendArguments),
    /// Resume suspended pipelines in the cluster
    ///
    /// Sets spec.suspend to false. A pipeline resumes at its committed position.
    #[command(after_help = "Examples:\n  usp resume users -n demo")]
    Resume(SuspendArguments),
    Logs(LogsArguments),
    Check(CheckArguments),
}

/// The cluster and the namespace. The defaults are kubectl's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClusterArguments {
    /// The namespace. Default: the namespace of the context.
    #[arg(long, short, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub(crate) namespace: Option<String>,

    /// The context of the kubeconfig. Default: the current context.
    #[arg(long, value_name = "CONTEXT", help_heading = "Cluster")]
    pub(crate) context: Option<String>,

    /// The kubeconfig. Default: KUBECONFIG, then ~/.kube/config, then the service account of the pod.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Print the state of a pipeline in the cluster, and why it is not ready
///
/// The first line is the state, or the root cause of a failure. A tree of the pipeline's parts follows: the operator, Jobs,
/// pods, the topic with its lag, processors and the table.
///
/// Parts that you may not read are marked as not shown. Required permissions: get userstreampipelines; list deployments,
/// cronjobs, jobs and pods; get pods/proxy for the status that workers report.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp status users -n demo\n  \
                  usp status users -o json | jq -r .cause.text\n\n\
                  Exit codes:\n  \
                  0   ready for its current spec, or suspended\n  \
                  3   not ready; the first line has the reason")]
pub(crate) struct StatusArguments {
    /// The name of the pipeline.
    pub(crate) name: String,

    /// Output format.
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
    /// The names of pipelines. Default: all pipelines of the namespace.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// List the pipelines of all namespaces.
    #[arg(long, short = 'A', conflicts_with_all = ["names", "namespace"])]
    pub(crate) all_namespaces: bool,

    /// Output format. json and yaml print the resources, as a list unless one name is given.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = ListFormat::Human)]
    pub(crate) output: ListFormat,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Run the producer of a pipeline in the cluster once
///
/// Sets spec.source.triggerNonce to a greater value, for which the operator creates a Job. A GitOps tool may revert the value;
/// this starts no second run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp run users -n demo\n  \
                  usp run users --wait --timeout 5m\n\n\
                  Exit codes with --wait:\n  \
                  0   the run succeeded\n  \
                  3   the run failed or timed out")]
pub(crate) struct RunArguments {
    /// The name of the pipeline.
    pub(crate) name: String,

    /// Wait until the run ends.
    #[arg(long)]
    pub(crate) wait: bool,

    /// The maximum time to wait: 90s, 10m.
    #[arg(long, value_name = "DURATION", default_value = "10m", requires = "wait")]
    pub(crate) timeout: GoDuration,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// The pipelines to suspend or to resume.
#[derive(Debug, Args)]
pub(crate) struct SuspendArguments {
    /// The names of pipelines.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Print the logs of a pipeline's workers in the cluster
///
/// Prints the logs of all workers unless an option selects some. --follow includes pods that start later.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp logs users -n demo --processor --follow\n  \
                  usp logs users --provision --since 1h")]
pub(crate) struct LogsArguments {
    /// The name of the pipeline.
    pub(crate) name: String,

    /// Logs of the producer and of single runs.
    #[arg(long)]
    pub(crate) producer: bool,

    /// Logs of the processors.
    #[arg(long)]
    pub(crate) processor: bool,

    /// Logs of the provision, plan and cleanup Jobs.
    #[arg(long)]
    pub(crate) provision: bool,

    /// Print new log lines as they arrive, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// Print only lines newer than this: 30s, 2h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) since: Option<GoDuration>,

    /// Print only this many of the last lines of each pod.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u32>,

    /// Print the logs of the previous containers of restarted pods.
    #[arg(long, short, conflicts_with = "follow")]
    pub(crate) previous: bool,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Check that a cluster is ready for pipelines
///
/// Checks the version of Kubernetes, the CustomResourceDefinition (installed, and equal to that of this usp), your permissions
/// in the namespace, and the operator with its images. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp check\n  \
                  usp check -n demo -o json\n\n\
                  Exit codes:\n  \
                  0   all checks passed; there may be warnings\n  \
                  3   a check failed")]
pub(crate) struct CheckArguments {
    /// Output format.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = DocumentFormat::Human)]
    pub(crate) output: DocumentFormat,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// The output format of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// Text.
    Human,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The output format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table.
    Human,
    /// A table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}
