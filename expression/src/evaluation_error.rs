//! Why the evaluation of an expression fails.

use super::kind::{Kind, Kinds};
use super::limits::{MAX_BYTES, MAX_ELEMENTS, MAX_STEPS, MAX_TEXT};
use super::place::Place;

/// Why the evaluation of an expression fails, and where in the expression. Its text never shows a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}, at {at}")]
pub struct EvaluationError {
    /// The operation in the text of the expression.
    pub at: Place,
    /// What is wrong there.
    pub kind: EvaluationErrorKind,
}

/// What is wrong with an operation and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationErrorKind {
    /// A member of something that has none.
    #[error("{0} has no members")]
    NoMembers(Kind),
    /// An index into something that has no elements.
    #[error("{0} has no elements")]
    NoElements(Kind),
    /// An index or key of a kind that a list or map does not have.
    #[error("{container} has no element with {index} as its index")]
    Index {
        /// The list or map.
        container: Kind,
        /// The index or key.
        index: Kind,
    },
    /// An index below zero.
    #[error("an index is negative")]
    NegativeIndex,
    /// Operands of kinds that an operator does not take together.
    #[error("`{operator}` does not take {left} and {right}")]
    Operands {
        /// The operator.
        operator: &'static str,
        /// What is on its left.
        left: Kind,
        /// What is on its right.
        right: Kind,
    },
    /// An operand of a kind that an operator does not take.
    #[error("`{operator}` does not take {operand}")]
    Operand {
        /// The operator.
        operator: &'static str,
        /// The operand.
        operand: Kind,
    },
    /// An argument of a kind that a function does not take.
    #[error("`{function}` takes {takes}, not {found}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What it takes.
        takes: Kinds,
        /// What is given.
        found: Kind,
    },
    /// An element of a list that a function does not take.
    #[error("`{function}` takes a list of {takes}, and an element is {found}")]
    Element {
        /// The function.
        function: &'static str,
        /// What the elements have to be.
        takes: &'static str,
        /// What one is.
        found: Kind,
    },
    /// A value that a function does not take.
    #[error("`{function}`: {reason}")]
    Value {
        /// The function.
        function: &'static str,
        /// What is wrong with the value.
        reason: &'static str,
    },
    /// A division by zero.
    #[error("a division by zero")]
    DivisionByZero,
    /// A result that its type cannot hold.
    #[error("the result does not fit its type")]
    Overflow,
    /// A number with too many digits to compute with.
    #[error("a number has more than 38 digits")]
    TooManyDigits,
    /// A map with a key twice.
    #[error("a map has a key twice")]
    DuplicateKey,
    /// A value of the record that is nested too deeply to be used.
    #[error("a value is nested too deeply")]
    TooDeep,
    /// A text of the record with half of a character.
    #[error("a text has a \\u escape that is half of a surrogate pair")]
    LoneSurrogate,
    /// The record's expressions take too many steps.
    #[error("the record takes more than {MAX_STEPS} steps")]
    Steps,
    /// The record's values take too much memory.
    #[error("the record takes more than {} MiB", MAX_BYTES >> 20)]
    OutOfMemory,
    /// A list or map that is too long.
    #[error("a list has more than {MAX_ELEMENTS} elements")]
    Elements,
    /// A text that is too long.
    #[error("a text has more than {} MiB", MAX_TEXT >> 20)]
    Text,
    /// The evaluation panicked, which is a fault of this program.
    #[error("the evaluation panicked")]
    Panic,
}

impl EvaluationErrorKind {
    /// The error at a place.
    #[cold]
    pub(super) fn at(self, at: Place) -> EvaluationError {
        EvaluationError { at, kind: self }
    }

    /// Whether it ends the evaluation even where `&&` or `||` would need no value.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Steps | Self::OutOfMemory | Self::Elements | Self::Text)
    }
}
