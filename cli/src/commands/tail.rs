//! `usp tail`: prints the last records of a topic, or the last rows of a table, of the data directory.

mod records;
mod rows;

use std::io;
use std::time::Duration;

use userstream_worker::log::embedded::{LogReader, LogReaderError};
use userstream_worker::table::embedded::{TableReader, TableReaderError};

use super::CommandError;
use crate::arguments::{Stage, TailArguments};
use crate::exit::Exit;
use crate::resource;
use crate::terminal::Terminal;

/// The interval at which `--follow` polls for new records and rows.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The maximum number of records or rows after one poll; the next poll continues with the rest.
const MAX_PER_POLL: usize = 1_000;

/// Why records or rows cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TailError {
    /// The log cannot be read.
    #[error("{0}{hint}", hint = hint(matches!(.0, LogReaderError::Missing(_) | LogReaderError::UnknownTopic(_))))]
    Log(#[from] LogReaderError),
    /// The table cannot be read.
    #[error("{0}{hint}", hint = hint(!matches!(.0, TableReaderError::Unreadable(_))))]
    Table(#[from] TableReaderError),
    /// The pipeline has no dead-letter topic.
    #[error("the pipeline has no dead-letter topic, because spec.delivery.onError is not DeadLetter")]
    NoDeadLetters,
    /// Standard output cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn hint(is_missing: bool) -> &'static str {
    if is_missing {
        ": run the pipeline first with `usp local`, or set --data to its data directory"
    } else {
        ""
    }
}

impl TailError {
    /// The exit code of the command.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Log(_) | Self::Table(_) | Self::Output(_) => Exit::Unavailable,
            Self::NoDeadLetters => Exit::Configuration,
        }
    }
}

/// Prints the last records or rows; with `--follow` also new ones.
pub(super) fn tail(arguments: &TailArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let pipeline = resource::load(&arguments.file)?;
    let width = if terminal.is_interactive { Terminal::size().0 } else { usize::MAX };
    let count = arguments.count.get();
    let printed = match arguments.stage {
        Stage::Table => {
            let open = || TableReader::open(&arguments.data, &pipeline.table.keyspace, &pipeline.table.name);
            open().map_err(TailError::from).and_then(|table| {
                rows::Rows::new(table, arguments.output, width).print(count, arguments.follow)
            })
        }
        Stage::Topic | Stage::Dlq => {
            let topic = match arguments.stage {
                Stage::Dlq => &pipeline.dead_letter().ok_or(TailError::NoDeadLetters)?.name,
                Stage::Topic | Stage::Table => &pipeline.topic.name,
            };
            LogReader::open(&arguments.data).map_err(TailError::from).and_then(|log| {
                records::Records::new(log, topic.as_str(), arguments.stage, arguments.output, width)
                    .print(count, arguments.follow)
            })
        }
    };
    match printed {
        Ok(()) => Ok(Exit::Done),
        Err(TailError::Output(error)) => Err(CommandError::Output(error)),
        Err(error) => Err(error.into()),
    }
}
