//! `usp status`: prints the state of a pipeline as a tree, with the root cause first.

use serde::Serialize;

use super::document::document;
use crate::arguments::StatusArguments;
use crate::cluster::api::connection::Connection;
use crate::cluster::api::observe::observe;
use crate::cluster::tree::{self, Cause, Node};
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::style::Style;
use crate::terminal::{Terminal, print};

#[derive(Serialize)]
struct StatusDocument<'t> {
    ready: bool,
    cause: &'t Cause,
    tree: &'t Node,
}

/// Prints the state of a pipeline.
pub(super) async fn status(arguments: &StatusArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let snapshot = observe(&connection, &arguments.name).await?;
    let tree = tree::tree(&snapshot);
    let cause = tree::cause(&snapshot, &tree);
    let ready = tree::is_ready(&snapshot);
    let document = document(&StatusDocument { ready, cause: &cause, tree: &tree }, arguments.output);
    print(&document.unwrap_or_else(|| {
        // Lines are cut for a terminal only: a file or another program gets them complete.
        let width = if terminal.is_interactive { Terminal::size().0 } else { usize::MAX };
        tree::draw(&cause, &tree, width, Style(terminal.coloured))
    }))?;
    Ok(if ready { Exit::Done } else { Exit::NotReady })
}
