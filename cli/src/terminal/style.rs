//! Colours and text attributes, as ANSI escape sequences.

/// Styles text, or leaves it plain where colours are off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style(pub(crate) bool);

/// A colour or a text attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// For emphasis.
    Bold,
    /// For secondary text.
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
    /// For the label of an error.
    BoldRed,
}

impl Attribute {
    /// The parameters of the escape sequence "Select Graphic Rendition".
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
            Self::BoldRed => "1;31",
        }
    }
}

impl Style {
    /// Text with an attribute.
    pub(crate) fn apply(self, attribute: Attribute, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", attribute.code())
        } else {
            text.to_owned()
        }
    }

    /// Emphasised text.
    pub(crate) fn bold(self, text: &str) -> String {
        self.apply(Attribute::Bold, text)
    }

    /// Secondary text.
    pub(crate) fn dim(self, text: &str) -> String {
        self.apply(Attribute::Dim, text)
    }
}
