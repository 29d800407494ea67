//! Why a text is refused as an expression.

use super::kind::Kinds;
use super::limits::{MAX_HEIGHT, MAX_LENGTH, MAX_NESTING, MAX_PATH};
use super::place::Place;

/// Why a text is refused as an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {kind}")]
pub struct ExpressionError {
    /// The place in the text.
    pub at: Place,
    /// What is wrong there.
    pub kind: ExpressionErrorKind,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionErrorKind {
    /// The text is too long.
    #[error("an expression has at most {MAX_LENGTH} characters")]
    TooLong,
    /// Too many brackets, conditions or operations are within each other.
    #[error(
        "the expression is too deep: at most {MAX_NESTING} brackets and conditions within each other, and {MAX_HEIGHT} operations"
    )]
    TooDeep,
    /// A path into the record is too long.
    #[error("a path has at most {MAX_PATH} members")]
    PathTooLong,
    /// A character that no token begins with.
    #[error("unexpected character {0:?}")]
    Character(char),
    /// A string without its closing quote, or with a line break in single quotes.
    #[error("the string has no closing quote on its line")]
    UnterminatedText,
    /// A backslash in a string without a known escape behind it.
    #[error("a backslash begins an escape like \\n, \\\\ or \\u00e9; for a pattern write r'..'")]
    Escape,
    /// A number that its type cannot hold.
    #[error("the number does not fit into {0}")]
    NumberRange(Kinds),
    /// A token that cannot stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What can stand here.
        expected: &'static str,
        /// The token, or the end.
        found: Box<str>,
    },
    /// A word that CEL reserves.
    #[error("`{0}` is reserved; a member of this name is self.{0}, or __{0}__")]
    ReservedWord(Box<str>),
    /// `a?.b`.
    #[error("optional selection is written a.?b, not a?.b")]
    OptionalSelection,
    /// It constructs a message.
    #[error("messages like Name{{member: value}} are not supported: write a map, {{'member': value}}")]
    Message,
    /// `ctx`.
    #[error(
        "`ctx` is reserved for the context of a record, which this version does not have; a member of this name is self.ctx"
    )]
    ReservedVariable,
    /// A name that nothing has.
    #[error("there is no field `{name}`{}", suggested(.suggestion.as_deref()))]
    UnknownName {
        /// The name.
        name: Box<str>,
        /// A name that is like it.
        suggestion: Option<Box<str>>,
    },
    /// A function that does not exist.
    #[error("there is no function `{name}`{}", suggested(*.suggestion))]
    UnknownFunction {
        /// Its name.
        name: Box<str>,
        /// One that may be meant.
        suggestion: Option<&'static str>,
    },
    /// Too few or too many arguments.
    #[error("`{function}` takes {expected}")]
    ArgumentCount {
        /// The function or macro.
        function: &'static str,
        /// How many it takes.
        expected: Box<str>,
    },
    /// An argument of a kind that a function does not take.
    #[error("`{function}` takes {takes}, not {found}{}", converted(*.takes, *.found))]
    Argument {
        /// The function or macro.
        function: &'static str,
        /// What it takes.
        takes: Kinds,
        /// What is given.
        found: Kinds,
    },
    /// A list with elements of a kind that a function does not take.
    #[error("`{function}` takes a list of which each element is {takes}, not {found}{}", converted(*.takes, *.found))]
    Elements {
        /// The function.
        function: &'static str,
        /// What the elements have to be.
        takes: Kinds,
        /// What they are.
        found: Kinds,
    },
    /// Operands of kinds that an operator does not take together.
    #[error("`{operator}` does not take {left} and {right}{}", reconciled(*.left, *.right))]
    Operands {
        /// The operator.
        operator: &'static str,
        /// The kinds on its left.
        left: Kinds,
        /// The kinds on its right.
        right: Kinds,
    },
    /// An operand of a kind that an operator does not take.
    #[error("`{operator}` takes {takes}, not {found}")]
    Operand {
        /// The operator.
        operator: &'static str,
        /// What it takes.
        takes: Kinds,
        /// What is given.
        found: Kinds,
    },
    /// A comparison of values that are never equal.
    #[error("{left} is never equal to {right}{}", reconciled(*.left, *.right))]
    NeverEqual {
        /// The kinds on the left.
        left: Kinds,
        /// The kinds on the right.
        right: Kinds,
    },
    /// A member of something that has none.
    #[error("{0} has no members")]
    NoMembers(Kinds),
    /// An index into something that has no elements.
    #[error("{0} has no elements")]
    NoElements(Kinds),
    /// An index before the first element.
    #[error("a list is counted from 0; the last element is list[size(list) - 1], or list.last()")]
    NegativeIndex,
    /// The first argument of a macro that binds a variable.
    #[error("the first argument of `{0}` is the name of a variable, for example x")]
    MacroVariable(&'static str),
    /// The argument of `has`.
    #[error("`has` takes a member, for example has(self.id)")]
    HasMember,
    /// A duplicate key in a map.
    #[error("the key is in the map twice")]
    DuplicateKey,
    /// A pattern that is no regular expression, or too large.
    #[error("{0}")]
    Pattern(&'static str),
    /// The expression gives what the field, or the filter, does not take.
    #[error("the expression gives {gives}, and {takes} is needed")]
    Result {
        /// What the expression gives.
        gives: Kinds,
        /// What is needed.
        takes: Kinds,
    },
}

impl ExpressionErrorKind {
    /// The error at a place.
    pub(super) fn at(self, at: Place) -> ExpressionError {
        ExpressionError { at, kind: self }
    }
}

fn suggested(name: Option<&str>) -> String {
    name.map(|name| format!("; is `{name}` meant?")).unwrap_or_default()
}

/// How what is needed is made from what there is.
fn converted(takes: Kinds, found: Kinds) -> &'static str {
    if takes.within(Kinds::TIMESTAMP) && found.overlaps(Kinds::STRING | Kinds::INT) {
        "; convert it with timestamp(..)"
    } else if takes.within(Kinds::DURATION) && found.overlaps(Kinds::STRING) {
        "; convert it with duration(..)"
    } else if takes.within(Kinds::STRING) && found.overlaps(Kinds::NUMBER | Kinds::BOOL | Kinds::BYTES) {
        "; convert it with string(..)"
    } else {
        ""
    }
}

/// How two values are made to go together.
fn reconciled(left: Kinds, right: Kinds) -> &'static str {
    match (converted(left, right), converted(right, left)) {
        ("", hint) | (hint, _) => hint,
    }
}
