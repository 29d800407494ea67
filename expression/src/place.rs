//! A place in the text of an expression.

use std::fmt;

/// A line and a column of an expression, both counted from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u16,
    /// The character in the line.
    pub column: u16,
}

impl Place {
    /// Where an expression begins.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place behind a character.
    pub(super) fn after(self, character: char) -> Self {
        match character {
            '\n' => Self { line: self.line.saturating_add(1), column: 1 },
            _ => Self { column: self.column.saturating_add(1), ..self },
        }
    }
}

/// The line is left out where there is only one that matters: the first.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 1 {
            write!(f, "line {}, ", self.line)?;
        }
        write!(f, "column {}", self.column)
    }
}
