//! Pipelines from files, or what is wrong with them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use userstream_crds::diagnostics::{self, Report};
use userstream_crds::model::Pipeline;

use crate::exit::Exit;

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResourceError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is something wrong with it.
    #[error(transparent)]
    Invalid(#[from] Report),
    /// There are several pipelines in it, and the command works on one.
    #[error("{} holds {count} pipelines: put the one that is meant into a file of its own", path.display())]
    MultiplePipelines {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
}

impl ResourceError {
    /// How a command ends that needed the pipeline.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::Configuration,
            Self::Invalid(_) | Self::MultiplePipelines { .. } => Exit::InvalidResource,
        }
    }
}

/// The text of a file; `-` is standard input.
pub(crate) fn text(path: &Path) -> Result<String, ResourceError> {
    let unreadable = |source| ResourceError::Unreadable { path: path.to_path_buf(), source };
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map_err(unreadable)?;
        Ok(text)
    } else {
        std::fs::read_to_string(path).map_err(unreadable)
    }
}

/// The pipelines of a text that came from a file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Pipeline>, ResourceError> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let file = diagnostics::read(&name, text)?;
    Ok(file.pipelines.into_iter().map(|(_, pipeline)| pipeline).collect())
}

/// The pipelines of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<Pipeline>, ResourceError> {
    parse(path, &text(path)?)
}

/// The one pipeline of a file.
pub(crate) fn load(path: &Path) -> Result<Pipeline, ResourceError> {
    let mut pipelines = read(path)?;
    match (pipelines.pop(), pipelines.len()) {
        (Some(one), 0) => Ok(one),
        (_, others) => Err(ResourceError::MultiplePipelines { path: path.to_path_buf(), count: others + 1 }),
    }
}

/// Problems as people read them, with the lines that they are about.
pub(crate) fn render_report(report: &Report, coloured: bool, width: usize) -> String {
    let theme = if coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    let mut text = String::new();
    if handler.render_report(&mut text, report).is_err() {
        // Writing into a text does not fail; were it to, the problems still have a line each.
        text = report.problems().map(|problem| format!("{problem}\n")).collect();
    }
    text
}
