//! The tokens of an expression.

use crate::place::Place;

/// A token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'s> {
    pub(super) kind: TokenKind<'s>,
    pub(super) at: Place,
    /// The token as it is written; empty at the end.
    pub(super) text: &'s str,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'s> {
    /// A name or a reserved word.
    Name(&'s str),
    /// A name between backticks, which may have any character.
    QuotedName(&'s str),
    /// The magnitude of an `int`.
    Int(u64),
    /// A `uint`, without its suffix.
    Uint(u64),
    /// A `double`, as it is written.
    Double(&'s str),
    /// A string without its quotes and escapes.
    Text(Box<str>),
    /// Bytes without their quotes and escapes.
    Bytes(Box<[u8]>),
    /// An operator, a bracket or a separator.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Every symbol; of two that begin alike, the longer one is first.
pub(super) const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "+",
    "-", "*", "/", "%",
];
