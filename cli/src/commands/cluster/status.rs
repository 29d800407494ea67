//! `usp status`: how a pipeline stands, and why it does not work.

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
struct Standing<'t> {
    ready: bool,
    cause: &'t Cause,
    tree: &'t Node,
}

/// Prints the tree of a pipeline.
pub(super) async fn status(arguments: &StatusArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let snapshot = observe(&connection, &arguments.name).await?;
    let tree = tree::tree(&snapshot);
    let cause = tree::cause(&snapshot, &tree);
    let ready = tree::is_ready(&snapshot);
    let document = document(&Standing { ready, cause: &cause, tree: &tree }, arguments.output);
    print(&document.unwrap_or_else(|| {
        // Where lines are kept in a file or read by a program, nothing is cut.
        let width = if terminal.is_interactive { Terminal::size().0 } else { usize::MAX };
        tree::draw(&cause, &tree, width, Style(terminal.coloured))
    }))?;
    Ok(if ready { Exit::Done } else { Exit::NotReady })
}
