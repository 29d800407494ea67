//! The syntax tree of an expression.

use crate::place::Place;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) kind: TreeKind,
    /// Where it begins; of an operation, where the operator is.
    pub(crate) at: Place,
    /// How many levels it has.
    pub(crate) height: u16,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TreeKind {
    Literal(Literal),
    /// A name; one with a dot before it is no variable of a macro.
    Name {
        name: Box<str>,
        absolute: bool,
    },
    /// `a.b`, or `a.?b`.
    Select {
        operand: Box<Tree>,
        member: Box<str>,
        optional: bool,
    },
    /// `a[i]`, or `a[?i]`.
    Index {
        operand: Box<Tree>,
        index: Box<Tree>,
        optional: bool,
    },
    /// `f(a)`, or `t.f(a)`.
    Call {
        target: Option<Box<Tree>>,
        name: Box<str>,
        arguments: Vec<Tree>,
    },
    List(Vec<Element>),
    Map(Vec<Entry>),
    Unary(Unary, Box<Tree>),
    Binary(Binary, Box<Tree>, Box<Tree>),
    /// `a + b + c`
    Sum(Vec<Tree>),
    /// `a && b && c`
    And(Vec<Tree>),
    /// `a || b || c`
    Or(Vec<Tree>),
    /// `a ? b : c`
    Conditional(Box<[Tree; 3]>),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// As it is written, with its sign.
    Double(Box<str>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

/// An element of a list; an optional one is left out where it has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    pub(crate) value: Tree,
    pub(crate) optional: bool,
}

/// An entry of a map; an optional one is left out where it has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Tree,
    pub(crate) value: Tree,
    pub(crate) optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Negate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Binary {
    /// The operator as it is written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}
