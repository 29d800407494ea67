//! What can be typed: commands, options, and the help that explains them.

mod cluster;
mod plugin;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use userstream_crds::duration::GoDuration;
use userstream_crds::identifier::{HostPort, HostPortError};

#[cfg(feature = "cluster")]
pub(crate) use cluster::{
    CheckArguments, DocumentFormat, GetArguments, ListFormat, LogsArguments, RunArguments, StatusArguments,
    SuspendArguments,
};
pub(crate) use cluster::{ClusterArguments, ClusterCommand};
pub(crate) use plugin::Name as ProgramName;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "usp",
    version,
    about = "Run, check and look into UserStreamPipelines",
    long_about = "Run, check and look into UserStreamPipelines.\n\nA UserStreamPipeline is one YAML file that says where \
                  records come from, what they look like, the Kafka topic that carries them, and the Cassandra table \
                  they end in. `usp local` runs the whole of it on this machine, with nothing installed. In a cluster, \
                  the operator runs it; `usp status`, `get`, `run`, `suspend`, `resume`, `logs`, `check` and `plan -f` \
                  look at it there, for which usp is built with --features cluster.",
    after_help = "Examples:\n  \
                  usp local pipeline.yaml                  run it here until Ctrl-C\n  \
                  usp local pipeline.yaml --once           fetch once, write every row, end\n  \
                  usp tail pipeline.yaml --stage table     the last rows\n  \
                  usp validate pipelines/*.yaml            check files, for example in CI\n  \
                  usp explain spec.source.http             what a field means\n  \
                  usp status users -n demo                 how one stands in the cluster\n\n\
                  Exit codes:\n  \
                  0   done\n  \
                  1   the resource is wrong; what and where is on stderr\n  \
                  2   the command line is wrong\n  \
                  3   a pipeline, a run or a cluster is not ready (status, run --wait, check)\n  \
                  65  a record cannot be processed, and the pipeline says onError: Fail\n  \
                  69  something needed is not there: the source, a server, the data, the pipeline in the cluster\n  \
                  77  not allowed by the cluster\n  \
                  78  the set-up is wrong: a file, a Secret, the kubeconfig, something that provisioning refuses\n  \
                  130 Ctrl-C twice: ended at once",
    max_term_width = 110,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours. NO_COLOR is honoured.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub(crate) color: ColorChoice,

    /// How much to log on stderr: error, warn, info, debug or trace, or by part (info,userstream_worker=debug).
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

/// Run a pipeline on this machine
///
/// Runs the same resource as a cluster does, with the same checks and the same worker code, on one machine: topics are
/// kept in DIR/log.db, and each keyspace is DIR/KEYSPACE.db, a SQLite file with the table under its own name and real
/// columns. With --kafka or --cassandra, real servers take their place.
///
/// It runs until Ctrl-C, unless a limit is given. Then it stops the source, writes what has been read, prints a summary
/// and ends; a second Ctrl-C ends it at once. Ended in whatever way, it goes on where it was when started again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp local demo.yaml\n  \
                  usp local demo.yaml --records 1000 --output json\n  \
                  usp local demo.yaml --data /tmp/demo --for 30s\n  \
                  sqlite3 userstream-data/spark_streams.db 'select * from created_users limit 5'")]
pub(crate) struct LocalArguments {
    /// The pipeline; - reads it from stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) limit: LimitArguments,

    /// How to print progress and the summary. json: one line at the end, on stdout; progress on stderr.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    #[command(flatten)]
    pub(crate) servers: ServerArguments,

    /// An address range that sources may dial although it is private, for example 10.0.0.0/8. May be given more than
    /// once. Without it every address may be dialled: the pipeline runs with your own rights, and your own machine is
    /// the usual place to try one. In a cluster, private addresses are refused unless the operator allows them.
    #[arg(long, value_name = "CIDR")]
    pub(crate) allow_private_range: Vec<ipnet::IpNet>,
}

/// When to end by itself.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct LimitArguments {
    /// Run the source once, write every row, and end.
    #[arg(long, help_heading = "Limits")]
    pub(crate) once: bool,

    /// End after this time: 10s, 2m, 1h30m.
    #[arg(long = "for", value_name = "DURATION", help_heading = "Limits")]
    pub(crate) duration: Option<GoDuration>,

    /// End when this many rows have been written. What has been read by then is written too, so there may be a few more.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) records: Option<NonZeroU64>,
}

/// Where topics and tables are.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// The directory that keeps topics and tables.
    #[arg(long, value_name = "DIR", default_value = "./userstream-data", help_heading = "Where")]
    pub(crate) data: PathBuf,

    /// Use this Kafka in place of the file in DIR. TLS and SASL are as the pipeline says.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, help_heading = "Where")]
    pub(crate) kafka: Option<HostPort>,

    /// Use this Cassandra in place of the file in DIR. TLS and credentials are as the pipeline says.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, help_heading = "Where")]
    pub(crate) cassandra: Option<HostPort>,

    /// The directory with the pipeline's Secrets: the key KEY of the Secret NAME is the file NAME/KEY.
    #[arg(long, value_name = "DIR", default_value = "./secrets", help_heading = "Where")]
    pub(crate) secrets: PathBuf,
}

/// Check pipelines, and say what is wrong and where
///
/// Checks what a cluster checks, by the same rules, without one. Ends with 1 when a file is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  usp validate pipeline.yaml\n  usp validate pipelines/*.yaml")]
pub(crate) struct ValidateArguments {
    /// The pipelines; - reads one from stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// How to print what is wrong. json: one object a line, on stdout.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,
}

/// Print what provisioning would change, and change nothing
///
/// Compares the topic, the keyspace and the table that the pipeline describes with those that exist, and prints the
/// smallest change that makes them so. What cannot be done is a refusal, and ends with 78.
///
/// With -f, prints what applying the file would change in the cluster: the API server is asked to apply it without keeping the
/// result, so that defaults, rules and admission policies are its own, and the answer is compared with what is there. Applied
/// is as kubectl would: with a three-way merge where kubectl apply was used before, otherwise server-side. A file that would
/// be refused ends with 1.
///
/// The API server knows neither topics nor tables, nor what other pipelines claim. What would become of those is computed by
/// the operator, for a pipeline with mode: Plan; what it computed last is printed too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp plan pipeline.yaml\n  \
                  usp plan pipeline.yaml --output json\n  \
                  usp plan -f pipeline.yaml -n demo")]
pub(crate) struct PlanArguments {
    /// The pipeline, to be compared with what local mode has; - reads it from stdin.
    #[arg(
        value_name = "FILE",
        required_unless_present = "filename",
        // They would mean nothing to local mode.
        conflicts_with_all = ["namespace", "context", "kubeconfig"]
    )]
    pub(crate) file: Option<PathBuf>,

    /// A file of pipelines, to be compared with the cluster; - reads it from stdin.
    #[arg(
        long,
        short = 'f',
        value_name = "FILE",
        conflicts_with_all = ["file", "data", "kafka", "cassandra", "secrets"]
    )]
    pub(crate) filename: Option<PathBuf>,

    /// With -f: the name under which the file is applied server-side. kubectl's is kubectl.
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

    /// How to print the plan.
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    #[command(flatten)]
    pub(crate) servers: ServerArguments,

    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// Print the last records or rows of a pipeline that runs, or ran, on this machine
///
/// Reads the files of local mode, while `usp local` runs or after it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp tail pipeline.yaml\n  \
                  usp tail pipeline.yaml --stage topic --follow\n  \
                  usp tail pipeline.yaml --stage dlq --output json | jq .reason")]
pub(crate) struct TailArguments {
    /// The pipeline; - reads it from stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Where to look.
    #[arg(long, value_enum, default_value_t = Stage::Table)]
    pub(crate) stage: Stage,

    /// How many to print first.
    #[arg(short = 'n', value_name = "N", default_value = "10")]
    pub(crate) count: NonZeroUsize,

    /// Go on with what arrives, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// How to print them. json: one object a line.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    /// The directory that keeps topics and tables.
    #[arg(long, value_name = "DIR", default_value = "./userstream-data")]
    pub(crate) data: PathBuf,
}

/// Explain a field of the resource: its meaning, type, default and values
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  usp explain\n  usp explain spec.kafka.topic\n  usp explain spec.source.http.pagination"
)]
pub(crate) struct ExplainArguments {
    /// The field; without it, the whole resource.
    #[arg(value_name = "FIELD.PATH")]
    pub(crate) path: Option<String>,

    /// Print every field below it, with its type.
    #[arg(long)]
    pub(crate) recursive: bool,
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp completions bash > ~/.local/share/bash-completion/completions/usp\n  \
                  usp completions zsh > ~/.zfunc/_usp")]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// For whom to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// A place on the way of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The topic: mapped records.
    Topic,
    /// The table: rows.
    Table,
    /// The dead-letter topic: records that failed, with the reason.
    Dlq,
}

fn host_port(text: &str) -> Result<HostPort, HostPortError> {
    HostPort::parse(text, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn two_limits_are_one_too_many() {
        let error =
            Arguments::try_parse_from(["usp", "local", "a.yaml", "--once", "--for", "1s"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    }

    #[test]
    fn a_limit_of_no_records_is_refused() {
        let error = Arguments::try_parse_from(["usp", "local", "a.yaml", "--records", "0"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
    }
}
