//! From the text of an expression to its syntax tree.
//!
//! The grammar is that of the [CEL specification](https://github.com/google/cel-spec/blob/master/doc/langdef.md),
//! with optional selection (`a.?b`, `a[?i]`), optional elements (`[?a]`, `{?k: v}`) and quoted members (``a.`b-c` ``).

mod lexer;
mod literal;
mod nodes;
mod parser;
mod reserved;
mod token;
mod tree;

pub(super) use parser::parse;
pub(super) use reserved::RESERVED_WORDS;
pub(super) use tree::{Binary, Element, Entry, Literal, Tree, TreeKind, Unary};
