//! Colours for how something stands.

use serde::Serialize;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// On its way there.
    Working,
    /// At rest, and meant to be.
    Off,
    /// Not known.
    Unknown,
    /// Works, and needs attention.
    Warning,
    /// Does not work.
    Broken,
}

impl State {
    /// One column wide, and different without colours too.
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

    const fn colour(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Working => "36",
            Self::Off | Self::Unknown => "2",
            Self::Warning => "33",
            Self::Broken => "31",
        }
    }
}

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style(pub(crate) bool);

impl Style {
    /// Text in the colour of a state.
    pub(crate) fn state(self, state: State, text: &str) -> String {
        self.with(state.colour(), text)
    }

    /// Text that stands out.
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Text that stands back.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
