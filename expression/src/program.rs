//! Checked expressions, ready to be evaluated.

use super::functions::Function;
use super::number::Arithmetic;
use super::pattern::Pattern;
use super::place::Place;
use super::value::{TypeName, Value};

/// A checked expression: names are indexes, macros are loops, functions exist.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Constant),
    /// A variable of the expression, by its index.
    Variable {
        variable: usize,
        at: Place,
    },
    /// Whether a variable is there, even as null.
    HasVariable {
        variable: usize,
        at: Place,
    },
    /// A variable of a macro, by its position among those around it.
    Local(usize),
    Select {
        operand: Box<Node>,
        member: Box<str>,
        optional: bool,
        at: Place,
    },
    /// Whether a member is there, even as null.
    Has {
        operand: Box<Node>,
        member: Box<str>,
        at: Place,
    },
    Index {
        operand: Box<Node>,
        index: Box<Node>,
        optional: bool,
        at: Place,
    },
    /// The optional that has the value, or none where it is absent.
    Optional(Box<Node>),
    Not {
        operand: Box<Node>,
        at: Place,
    },
    Negate {
        operand: Box<Node>,
        at: Place,
    },
    Sum {
        operands: Box<[Node]>,
        at: Place,
    },
    Arithmetic {
        operation: Arithmetic,
        symbol: &'static str,
        left: Box<Node>,
        right: Box<Node>,
        at: Place,
    },
    Equal {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
        at: Place,
    },
    Compare {
        relation: Relation,
        left: Box<Node>,
        right: Box<Node>,
        at: Place,
    },
    In {
        value: Box<Node>,
        container: Box<Node>,
        at: Place,
    },
    /// `in` with a list literal, which is not built.
    InElements {
        value: Box<Node>,
        elements: Box<[Node]>,
        at: Place,
    },
    And {
        operands: Box<[Node]>,
        at: Place,
    },
    Or {
        operands: Box<[Node]>,
        at: Place,
    },
    Conditional {
        parts: Box<[Node; 3]>,
        at: Place,
    },
    /// The elements with whether they are optional.
    List {
        elements: Box<[(Node, bool)]>,
        at: Place,
    },
    /// Keys, values and whether they are optional.
    Map {
        entries: Box<[(Node, Node, bool)]>,
        at: Place,
    },
    Call {
        function: &'static Function,
        arguments: Box<[Node]>,
        pattern: Option<Box<Pattern>>,
        at: Place,
    },
    Loop(Box<Loop>),
}

/// A literal.
#[derive(Debug)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Decimal(Box<str>),
    String(Box<str>),
    Bytes(Box<[u8]>),
    Type(TypeName),
}

impl Constant {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Decimal(text) => Value::Decimal(text),
            Self::String(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Type(name) => Value::Type(*name),
        }
    }
}

/// A comparison by order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A macro that walks the elements of a list or the keys of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    pub(super) body: Node,
    pub(super) at: Place,
}

/// What a macro does with the elements.
#[derive(Debug)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// The body of the elements for which the condition holds, or of all.
    Map {
        condition: Option<Node>,
    },
    /// `optMap`: the body gives the value of the optional.
    OptionalMap,
    /// `optFlatMap`: the body gives an optional.
    OptionalFlatMap,
}

impl LoopKind {
    /// The name of the macro.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map { .. } => "map",
            Self::OptionalMap => "optMap",
            Self::OptionalFlatMap => "optFlatMap",
        }
    }
}
