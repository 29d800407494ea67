//! From the syntax tree to a program: names are resolved, macros become loops, and kinds are compared.
//!
//! Kinds are sets, and an operation is refused only where no value of its operands could ever be taken. What the
//! specification refuses because a member is dynamic is left to the evaluation.

mod calls;
mod loops;
mod names;
mod operators;

use super::error::{ExpressionError, ExpressionErrorKind};
use super::kind::{Kinds, Type};
use super::limits::MAX_PATTERN;
use super::place::Place;
use super::program::{Constant, Node};
use super::scope::{MemberPath, Scope};
use super::syntax::{Element, Entry, Literal, Tree, TreeKind};

/// A program with what it needs and gives.
pub(super) struct Checked {
    pub(super) node: Node,
    pub(super) result: Type,
    /// The variables, by their indexes.
    pub(super) variables: Vec<MemberPath>,
}

/// Checks an expression.
pub(super) fn check(tree: &Tree, scope: Scope<'_>) -> Result<Checked, ExpressionError> {
    let mut checker = Checker { scope, variables: Vec::new(), locals: Vec::new(), patterns: MAX_PATTERN };
    let (node, result) = checker.check(tree, Form::Decimal)?;
    Ok(Checked { node, result, variables: checker.variables })
}

type Typed = Result<(Node, Type), ExpressionError>;

/// How a literal like `1.5` is represented.
///
/// It is a double, as the specification says, where all around it is. Beside the exact numbers of a record it is exact
/// too, so that nothing is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Double,
    Decimal,
}

struct Checker<'s> {
    scope: Scope<'s>,
    variables: Vec<MemberPath>,
    /// The variables of the macros around the place, from the outside in.
    locals: Vec<(Box<str>, Type)>,
    /// How much all patterns may weigh that are still to come.
    patterns: usize,
}

impl Checker<'_> {
    fn check(&mut self, tree: &Tree, form: Form) -> Typed {
        match &tree.kind {
            TreeKind::Literal(literal) => constant(literal, form, tree.at),
            TreeKind::Name { .. } | TreeKind::Select { .. } | TreeKind::Index { .. } => self.reference(tree),
            TreeKind::Call { target, name, arguments } => {
                self.call(target.as_deref(), name, arguments, form, tree.at)
            }
            TreeKind::List(elements) => self.list(elements, tree.at),
            TreeKind::Map(entries) => self.map(entries, tree.at),
            TreeKind::Unary(operator, operand) => self.unary(*operator, operand, form, tree.at),
            TreeKind::Binary(operator, left, right) => self.binary(*operator, left, right, tree.at),
            TreeKind::Sum(operands) => self.sum(operands, tree.at),
            TreeKind::And(operands) => self.junction(operands, "&&", tree.at),
            TreeKind::Or(operands) => self.junction(operands, "||", tree.at),
            TreeKind::Conditional(parts) => self.conditional(parts, form, tree.at),
        }
    }

    fn list(&mut self, elements: &[Element], at: Place) -> Typed {
        let mut nodes = Vec::with_capacity(elements.len());
        let mut all: Option<Type> = None;
        for element in elements {
            let (node, of) = self.check(&element.value, Form::Decimal)?;
            let of = if element.optional { optional_value(of, element.value.at)? } else { of };
            nodes.push((node, element.optional));
            all = Some(all.map_or(of, |all| all.or(of)));
        }
        let element = all.map_or(Kinds::ANY, |all| all.kinds);
        Ok((Node::List { elements: nodes.into(), at }, Type::list(element)))
    }

    fn map(&mut self, entries: &[Entry], at: Place) -> Typed {
        let mut nodes = Vec::with_capacity(entries.len());
        let mut all: Option<Type> = None;
        for (index, entry) in entries.iter().enumerate() {
            let (key, of_key) = self.check(&entry.key, Form::Double)?;
            if !of_key.kinds.overlaps(Kinds::KEY) {
                let kind =
                    ExpressionErrorKind::Operand { operator: "{}", takes: Kinds::KEY, found: of_key.kinds };
                return Err(kind.at(entry.key.at));
            }
            let before = entries.get(..index).unwrap_or_default();
            if matches!(entry.key.kind, TreeKind::Literal(_))
                && before.iter().any(|other| other.key.kind == entry.key.kind)
            {
                return Err(ExpressionErrorKind::DuplicateKey.at(entry.key.at));
            }
            let (value, of) = self.check(&entry.value, Form::Decimal)?;
            let of = if entry.optional { optional_value(of, entry.value.at)? } else { of };
            nodes.push((key, value, entry.optional));
            all = Some(all.map_or(of, |all| all.or(of)));
        }
        let element = all.map_or(Kinds::ANY, |all| all.kinds);
        Ok((Node::Map { entries: nodes.into(), at }, Type { kinds: Kinds::MAP, element }))
    }
}

/// The type of the value of an optional element.
fn optional_value(of: Type, at: Place) -> Result<Type, ExpressionError> {
    if of.kinds.overlaps(Kinds::OPTIONAL) {
        return Ok(of.of_element());
    }
    Err(ExpressionErrorKind::Operand { operator: "?", takes: Kinds::OPTIONAL, found: of.kinds }.at(at))
}

fn constant(literal: &Literal, form: Form, at: Place) -> Typed {
    let (constant, kinds) = match literal {
        Literal::Null => (Constant::Null, Kinds::NULL),
        Literal::Bool(value) => (Constant::Bool(*value), Kinds::BOOL),
        Literal::Int(value) => (Constant::Int(*value), Kinds::INT),
        Literal::Uint(value) => (Constant::Uint(*value), Kinds::UINT),
        Literal::Double(text) => {
            let double = text.parse::<f64>().ok().filter(|double| double.is_finite());
            let double = double.ok_or_else(|| ExpressionErrorKind::NumberRange(Kinds::DOUBLE).at(at))?;
            match form {
                Form::Double => (Constant::Double(double), Kinds::DOUBLE),
                Form::Decimal => (Constant::Decimal(json_number(text)), Kinds::DECIMAL),
            }
        }
        Literal::Text(text) => (Constant::String(text.clone()), Kinds::STRING),
        Literal::Bytes(bytes) => (Constant::Bytes(bytes.clone()), Kinds::BYTES),
    };
    Ok((Node::Constant(constant), Type::of(kinds)))
}

/// A double literal as JSON writes it: with one digit before the point at least, and no zeros before others.
fn json_number(text: &str) -> Box<str> {
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", text),
    };
    let magnitude = magnitude.trim_start_matches('0');
    let zero = if magnitude.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
    format!("{sign}{zero}{magnitude}").into()
}

#[cfg(test)]
mod tests;
