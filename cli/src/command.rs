//! From the command line to a command, and from its outcome to an exit code.

use std::io;
#[cfg(feature = "cluster")]
use std::path::Path;
use std::time::Instant;

use clap::CommandFactory;

use crate::arguments::{Arguments, Command, PlanArguments};
#[cfg(feature = "cluster")]
use crate::cluster::{self, ClusterError};
use crate::exit::Exit;
use crate::explain::{self, ExplainError};
use crate::local::{self, LocalError};
use crate::plan::{self, PlanError};
use crate::resource::{self, ResourceError};
use crate::tail::{self, TailError};
use crate::terminal::logging::{FilterError, Logging};
use crate::terminal::{Terminal, print, print_error};
use crate::validate;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The resource cannot be read, or is wrong.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// There is no such field.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// A local run did not come about.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Something in the cluster is not as the command needs it.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// This `usp` was built without the Kubernetes client.
    #[cfg(not(feature = "cluster"))]
    #[error(
        "this usp was built without the Kubernetes client, which takes long to compile; build one that has it with: cargo \
         build --release -p userstream-cli --features cluster"
    )]
    WithoutCluster,
    /// There is nothing to print the end of.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// The filter of log lines cannot be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The runtime cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    fn exit(&self) -> Exit {
        match self {
            Self::Resource(error) => error.exit(),
            Self::Explain(_) | Self::Filter(_) => Exit::Usage,
            Self::Local(error) => error.exit(),
            Self::Plan(error) => error.exit(),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.exit(),
            #[cfg(not(feature = "cluster"))]
            Self::WithoutCluster => Exit::Configuration,
            Self::Tail(error) => error.exit(),
            Self::Runtime(_) => Exit::Unavailable,
            // Whoever read the output has read enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Unavailable,
        }
    }
}

/// Does what the command line says.
pub(crate) fn run(arguments: &Arguments, started: Instant) -> Exit {
    let terminal = Terminal::of_process(arguments.color);
    dispatch(arguments, terminal, started).unwrap_or_else(|error| {
        let exit = error.exit();
        match &error {
            _ if exit == Exit::Done => {}
            CommandError::Resource(ResourceError::Wrong(findings)) => {
                let width = Terminal::size().0.clamp(60, 120);
                print_error(resource::for_people(findings, terminal.coloured_stderr, width).trim_end());
            }
            error => print_error(&format!("{} {error}", terminal.error_label())),
        }
        exit
    })
}

fn dispatch(arguments: &Arguments, terminal: Terminal, started: Instant) -> Result<Exit, CommandError> {
    let logging = Logging::start(&arguments.log, terminal.coloured_stderr)?;
    match &arguments.command {
        Command::Local(arguments) => local::local(arguments, terminal, &logging, started),
        Command::Validate(arguments) => validate::validate(arguments, terminal),
        Command::Plan(arguments @ PlanArguments { file: Some(file), .. }) => plan::plan(arguments, file),
        #[cfg(feature = "cluster")]
        Command::Plan(arguments) => {
            let file = arguments.filename.as_deref().unwrap_or(Path::new("-"));
            cluster::plan(arguments, file, terminal)
        }
        #[cfg(feature = "cluster")]
        Command::Cluster(command) => cluster::run(command, terminal),
        #[cfg(not(feature = "cluster"))]
        Command::Plan(_) | Command::Cluster(_) => Err(CommandError::WithoutCluster),
        Command::Tail(arguments) => tail::tail(arguments, terminal),
        Command::Explain(arguments) => {
            let path = arguments.path.as_deref().unwrap_or_default();
            let width = Terminal::size().0.clamp(40, 100);
            print(&explain::explain(explain::schema(), path, arguments.recursive, width)?)?;
            Ok(Exit::Done)
        }
        Command::Completions(arguments) => {
            let mut script = Vec::new();
            clap_complete::generate(arguments.shell, &mut Arguments::command(), "usp", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Done)
        }
    }
}
