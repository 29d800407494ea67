//! The command line of the commands that run a pipeline on this machine, and read its data.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use userstream_crds::duration::GoDuration;
use userstream_crds::identifier::{HostPort, HostPortError};

use super::OutputFormat;

/// Run a pipeline on this machine
///
/// Runs the same resource as a cluster does, with the same validation and the same worker code. Topics are stored in
/// DIR/log.db. Each keyspace is a SQLite file, DIR/KEYSPACE.db, with tables of the declared names and columns. --kafka and
/// --cassandra use real servers instead.
///
/// Runs until Ctrl-C or until a limit is reached. It then stops the source, writes the records it has read, prints a
/// summary and exits. A second Ctrl-C aborts at once. The next start resumes at the committed position, however the last
/// run ended.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp local demo.yaml\n  \
                  usp local demo.yaml --records 1000 --output json\n  \
                  usp local demo.yaml --data /tmp/demo --for 30s\n  \
                  sqlite3 userstream-data/spark_streams.db 'select * from created_users limit 5'")]
pub(crate) struct LocalArguments {
    /// The file of the pipeline; - for stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) limit: LimitArguments,

    /// Output format of the summary. With json, stdout has the summary as one line, and progress goes to stderr.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    #[command(flatten)]
    pub(crate) servers: ServerArguments,

    /// A private address range that sources may connect to, for example 10.0.0.0/8. Repeatable. Once given, all other
    /// private addresses are refused, as in a cluster. Default: every address is allowed, because the pipeline runs with
    /// your own permissions.
    #[arg(long, value_name = "CIDR")]
    pub(crate) allow_private_range: Vec<ipnet::IpNet>,
}

/// When a run ends without a signal.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct LimitArguments {
    /// Run the source once, write every row, and exit.
    #[arg(long, help_heading = "Limits")]
    pub(crate) once: bool,

    /// Exit after this time: 10s, 2m, 1h30m.
    #[arg(long = "for", value_name = "DURATION", help_heading = "Limits")]
    pub(crate) duration: Option<GoDuration>,

    /// Exit when this many rows are written. Records that are already read are written too, so there may be a few more.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) records: Option<NonZeroU64>,
}

/// The backends of topics and tables.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// The data directory, with the SQLite files of topics and tables.
    #[arg(long, value_name = "DIR", default_value = "./userstream-data", help_heading = "Backends")]
    pub(crate) data: PathBuf,

    /// Use this Kafka cluster instead of the file in DIR. TLS and SASL are those of the pipeline.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, help_heading = "Backends")]
    pub(crate) kafka: Option<HostPort>,

    /// Use this Cassandra cluster instead of the files in DIR. TLS and credentials are those of the pipeline.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port, help_heading = "Backends")]
    pub(crate) cassandra: Option<HostPort>,

    /// The directory of Secrets: the key KEY of the Secret NAME is the file NAME/KEY.
    #[arg(long, value_name = "DIR", default_value = "./secrets", help_heading = "Backends")]
    pub(crate) secrets: PathBuf,
}

/// Print the last records or rows of a pipeline on this machine
///
/// Reads the data directory of `usp local`, during a run or after it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  usp tail pipeline.yaml\n  \
                  usp tail pipeline.yaml --stage topic --follow\n  \
                  usp tail pipeline.yaml --stage dlq --output json | jq .reason")]
pub(crate) struct TailArguments {
    /// The file of the pipeline; - for stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What to print.
    #[arg(long, value_enum, default_value_t = Stage::Table)]
    pub(crate) stage: Stage,

    /// The number of records or rows.
    #[arg(short = 'n', value_name = "N", default_value = "10")]
    pub(crate) count: NonZeroUsize,

    /// Print new records or rows as they arrive, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// Output format. json: one object a line.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,

    /// The data directory of `usp local`.
    #[arg(long, value_name = "DIR", default_value = "./userstream-data")]
    pub(crate) data: PathBuf,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Mapped records in the topic.
    Topic,
    /// Rows in the table.
    Table,
    /// Records in the dead-letter topic, with the reason of their failure.
    Dlq,
}

fn host_port(text: &str) -> Result<HostPort, HostPortError> {
    HostPort::parse(text, None)
}
