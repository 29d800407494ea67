//! The command line: commands, options and their help.

mod cluster;
mod local;
mod plugin;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

#[cfg(feature = "cluster")]
pub(crate) use cluster::{
    CheckArguments, DocumentFormat, GetArguments, ListFormat, LogsArguments, RunArguments, StatusArguments,
    SuspendArguments,
};
pub(crate) use cluster::{ClusterArguments, ClusterCommand};
pub(crate) use local::{LimitArguments, LocalArguments, ServerArguments, Stage, TailArguments};
pub(crate) use plugin::Name as ProgramName;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "usp",
    version,
    about = "Run, validate and inspect UserStreamPipelines",
    long_about = "Run, validate and inspect UserStreamPipelines.\n\nA UserStreamPipeline is a YAML file that declares the \
                  source of records, their schema, the Kafka topic that carries them and the Cassandra table that stores \
                  them. `usp local` runs a pipeline on this machine, without any server. In a cluster the operator runs \
                  it; `usp status`, `get`, `run`, `suspend`, `resume`, `logs`, `check` and `plan -f` work with the \
                  cluster, and require a usp that was built with --features cluster.",
    after_help = "Examples:\n  \
                  usp local pipeline.yaml                  run on this machine until Ctrl-C\n  \
                  usp local pipeline.yaml --once           run the source once, write every row, exit\n  \
                  usp tail pipeline.yaml --stage table     print the last rows\n  \
                  usp validate pipelines/*.yaml            validate files, for example in CI\n  \
                  usp explain spec.source.http             print the documentation of a field\n  \
                  usp status users -n demo                 print the state of a pipeline in the cluster\n\n\
                  Exit codes:\n  \
                  0   success\n  \
                  1   the resource is invalid; stderr lists the errors with their positions\n  \
                  2   the command line is invalid\n  \
                  3   a pipeline, a run or a cluster is not ready (status, run --wait, check)\n  \
                  65  a record cannot be processed, and the pipeline has onError: Fail\n  \
                  69  unavailable: the source, a server, the data, or the pipeline in the cluster\n  \
                  77  the API server denied the request\n  \
                  78  invalid configuration: a file, a Secret, the kubeconfig, or a change that provisioning refuses\n  \
                  130 Ctrl-C twice: aborted",
    max_term_width = 110,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours. NO_COLOR disables them too.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub(crate) color: ColorChoice,

    /// Log level on stderr: error, warn, info, debug or trace; or one for each module (info,userstream_worker=debug).
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "USP_LOG",
        default_value = "warn",
        help_heading = "Global options"
    )]
    pub(crate) log: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Local(LocalArguments),
    Validate(ValidateArguments),
    Plan(PlanArguments),
    Tail(TailArguments),
    Explain(ExplainArguments),
    #[command(flatten)]
    Cluster(ClusterCommand),
    Completions(CompletionsArguments),
}

/// Validate pipelines, and print each error with its position
///
/// Applies the rules of the API server without a cluster. Exits with 1 when a file is invalid.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  usp validate pipeline.yaml\n  usp validate pipelines/*.yaml")]
pub(crate) struct ValidateArguments {
    /// The files of pipelines; - for stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Output format. json: one object a line for each error, on stdout.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,
}

/// Print the changes that provisioning would make, without making them
///
/// Compares the declared topic, keyspace and table with the existing ones, and prints the smallest set of changes. Exits
/// with 78 when provisioning would refuse a change.
///
/// With -f, prints the changes that applying the file would make in the cluster. The API server applies the file as a dry
/// run, with its own defaults, rules and admission policies, and usp compares the result with the live object. The apply is
/// kubectl's: a three-way merge where kubectl apply was used before, and server-side apply otherwise. Exits with 1 when the
/// API server would refuse the file.
///
/// A dry run does not cover topics, tables and the claims of other pipelines. The operator plans these for a pipeline with
/// mode: Plan, and its last plan is printed too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp plan pipeline.yaml\n  \
                  usp plan pipeline.yaml --output json\n  \
                  usp plan -f pipeline.yaml -n demo")]
pub(crate) struct PlanArguments {
    /// The file of the pipeline to compare with the backends; - for stdin.
    #[arg(
        value_name = "FILE",
        required_unless_present = "filename",
        // These options have no meaning without a cluster.
        conflicts_with_all = ["namespace", "context", "kubeconfig"]
    )]
    pub(crate) file: Option<PathBuf>,

    /// The file of pipelines to compare with the cluster; - for stdin.
    #[arg(
        long,
        short = 'f',
        value_name = "FILE",
        conflicts_with_all = ["file", "data", "kafka", "cassandra", "secrets"]
    )]
    pub(crate) filename: Option<PathBuf>,

    /// With -f: the field manager of a server-side apply.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "kubectl",
        requires = "filename",
        help_heading = "Cluster"
    )]
    pub(crate) field_manager: String,

    /// With -f: take fields over from other field managers, as kubectl apply --server-side --force-conflicts does.
    #[arg(long, requires = "filename", help_heading = "Cluster")]
    pub(crate) force_conflicts: bool,

    /// Output format.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    #[command(flatten)]
    pub(crate) servers: ServerArguments,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Print the documentation of a field: description, type, default and values
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  usp explain\n  usp explain spec.kafka.topic\n  usp explain spec.source.http.pagination"
)]
pub(crate) struct ExplainArguments {
    /// The path of the field. Default: the resource.
    #[arg(value_name = "FIELD.PATH")]
    pub(crate) path: Option<String>,

    /// Print all fields below it, with their types.
    #[arg(long)]
    pub(crate) recursive: bool,
}

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp completions bash > ~/.local/share/bash-completion/completions/usp\n  \
                  usp completions zsh > ~/.zfunc/_usp")]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// The output format of a command without a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Text.
    Human,
    /// JSON.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_accepts_the_definition_of_the_command_line() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn two_run_limits_conflict() {
        let error =
            Arguments::try_parse_from(["usp", "local", "a.yaml", "--once", "--for", "1s"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    }

    #[test]
    fn a_limit_of_zero_records_is_refused() {
        let error = Arguments::try_parse_from(["usp", "local", "a.yaml", "--records", "0"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
    }
}
