//! Reads pipelines from files, and renders what is invalid in them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use userstream_crds::diagnostics::{self, Report};
use userstream_crds::model::Pipeline;

use crate::exit::Exit;

/// Why no pipeline was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResourceError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file or one of its pipelines is invalid.
    #[error(transparent)]
    Invalid(#[from] Report),
    /// The file contains several pipelines, and the command takes one.
    #[error("{} contains {count} pipelines and this command takes one: split the file", path.display())]
    MultiplePipelines {
        /// The file.
        path: PathBuf,
        /// The number of pipelines in it.
        count: usize,
    },
}

impl ResourceError {
    /// The exit code of a command that needs the pipeline.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::Configuration,
            Self::Invalid(_) | Self::MultiplePipelines { .. } => Exit::InvalidResource,
        }
    }
}

/// Reads the text of a file; `-` is standard input.
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

/// Parses the text of a file, and validates its pipelines.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Pipeline>, ResourceError> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let file = diagnostics::read(&name, text)?;
    Ok(file.pipelines.into_iter().map(|(_, pipeline)| pipeline).collect())
}

/// Reads the pipelines of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<Pipeline>, ResourceError> {
    parse(path, &text(path)?)
}

/// Reads the only pipeline of a file.
pub(crate) fn load(path: &Path) -> Result<Pipeline, ResourceError> {
    let mut pipelines = read(path)?;
    match (pipelines.pop(), pipelines.len()) {
        (Some(one), 0) => Ok(one),
        (_, others) => Err(ResourceError::MultiplePipelines { path: path.to_path_buf(), count: others + 1 }),
    }
}

/// Renders the problems of a file as text, each with its source lines.
pub(crate) fn render_report(report: &Report, coloured: bool, width: usize) -> String {
    let theme = if coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    let mut text = String::new();
    if handler.render_report(&mut text, report).is_err() {
        // A `String` accepts every write, so this fallback keeps the problems only if the renderer fails.
        text = report.problems().map(|problem| format!("{problem}\n")).collect();
    }
    text
}
