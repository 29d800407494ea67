//! The state of a part of a pipeline or of a cluster, as a symbol and a colour.

use serde::Serialize;

use crate::terminal::style::{Attribute, Style};

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// Works.
    Good,
    /// Progresses towards `Good`.
    Working,
    /// Stopped on purpose.
    Off,
    /// Not known.
    Unknown,
    /// Works, and needs attention.
    Warning,
    /// Does not work.
    Broken,
}

impl State {
    /// A symbol of one column, distinct without colours.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Working => "⋯",
            Self::Off => "–",
            Self::Unknown => "?",
            Self::Warning => "!",
            Self::Broken => "✗",
        }
    }

    /// Text in the colour of the state.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let attribute = match self {
            Self::Good => Attribute::Green,
            Self::Working => Attribute::Cyan,
            Self::Off | Self::Unknown => Attribute::Dim,
            Self::Warning => Attribute::Yellow,
            Self::Broken => Attribute::Red,
        };
        style.apply(attribute, text)
    }
}
