//! Operators and conditionals.

use super::names::type_name;
use super::{Checker, Form, Typed};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::kind::{Kinds, Type};
use crate::number::Arithmetic;
use crate::place::Place;
use crate::program::{Constant, Node, Relation};
use crate::syntax::{Binary, Element, Literal, Tree, TreeKind, Unary};

use Kinds as K;

impl Checker<'_> {
    pub(super) fn unary(&mut self, operator: Unary, operand: &Tree, form: Form, at: Place) -> Typed {
        let (operand, of) = self.check(operand, form)?;
        let operand = Box::new(operand);
        let (node, symbol, takes) = match operator {
            Unary::Not => (Node::Not { operand, at }, "!", K::BOOL),
            Unary::Negate => (Node::Negate { operand, at }, "-", K::INT | K::DOUBLE | K::DECIMAL),
        };
        if !of.kinds.overlaps(takes) {
            return Err(ExpressionErrorKind::Operand { operator: symbol, takes, found: of.kinds }.at(at));
        }
        Ok((node, Type::of(of.kinds.common(takes))))
    }

    pub(super) fn junction(&mut self, operands: &[Tree], operator: &'static str, at: Place) -> Typed {
        let mut nodes = Vec::with_capacity(operands.len());
        for operand in operands {
            let (node, of) = self.check(operand, Form::Double)?;
            boolean(of, operator, operand.at)?;
            nodes.push(node);
        }
        let operands = nodes.into();
        let node = if operator == "&&" { Node::And { operands, at } } else { Node::Or { operands, at } };
        Ok((node, Type::of(K::BOOL)))
    }

    pub(super) fn conditional(&mut self, [condition, yes, no]: &[Tree; 3], form: Form, at: Place) -> Typed {
        let (condition_node, of) = self.check(condition, Form::Double)?;
        boolean(of, "?", condition.at)?;
        let (yes, of_yes) = self.check(yes, form)?;
        let (no, of_no) = self.check(no, form)?;
        Ok((Node::Conditional { parts: Box::new([condition_node, yes, no]), at }, of_yes.or(of_no)))
    }

    /// Operands of which literals get the form that goes with the others.
    fn operands<'t>(
        &mut self,
        operands: impl Iterator<Item = &'t Tree> + Clone,
    ) -> Result<Vec<(Node, Type)>, ExpressionError> {
        // Plain loops, because this recurses and every adaptor takes a piece of the stack.
        let mut checked = Vec::new();
        let mut form = Form::Double;
        for operand in operands.clone().filter(|operand| !is_double_literal(operand)) {
            let typed = self.check(operand, Form::Double)?;
            if !typed.1.kinds.within(K::DOUBLE) {
                form = Form::Decimal;
            }
            checked.push(typed);
        }
        for (position, operand) in operands.enumerate().filter(|(_, operand)| is_double_literal(operand)) {
            checked.insert(position, self.check(operand, form)?);
        }
        Ok(checked)
    }

    pub(super) fn sum(&mut self, operands: &[Tree], at: Place) -> Typed {
        let checked = self.operands(operands.iter())?;
        let mut sum: Option<Type> = None;
        for ((_, of), operand) in checked.iter().zip(operands) {
            sum = Some(match sum {
                None => *of,
                Some(left) => added(left, *of).ok_or_else(|| mismatch("+", left, *of, operand.at))?,
            });
        }
        let operands = checked.into_iter().map(|(node, _)| node).collect();
        Ok((Node::Sum { operands, at }, sum.unwrap_or(Type::ANY)))
    }

    pub(super) fn binary(&mut self, operator: Binary, left: &Tree, right: &Tree, at: Place) -> Typed {
        match operator {
            Binary::Subtract => self.arithmetic(Arithmetic::Subtract, operator, left, right, at),
            Binary::Multiply => self.arithmetic(Arithmetic::Multiply, operator, left, right, at),
            Binary::Divide => self.arithmetic(Arithmetic::Divide, operator, left, right, at),
            Binary::Remainder => self.arithmetic(Arithmetic::Remainder, operator, left, right, at),
            Binary::Equal => self.equality(false, left, right, at),
            Binary::NotEqual => self.equality(true, left, right, at),
            Binary::Less => self.comparison(Relation::Less, left, right, at),
            Binary::LessOrEqual => self.comparison(Relation::LessOrEqual, left, right, at),
            Binary::Greater => self.comparison(Relation::Greater, left, right, at),
            Binary::GreaterOrEqual => self.comparison(Relation::GreaterOrEqual, left, right, at),
            Binary::In => self.membership(left, right, at),
        }
    }

    /// Two operands in the order of the text.
    fn pair(&mut self, left: &Tree, right: &Tree) -> Result<[(Node, Type); 2], ExpressionError> {
        let checked = self.operands([left, right].into_iter())?;
        let none = || (Node::Constant(Constant::Null), Type::ANY);
        let mut checked = checked.into_iter();
        Ok([checked.next().unwrap_or_else(none), checked.next().unwrap_or_else(none)])
    }

    fn arithmetic(
        &mut self,
        operation: Arithmetic,
        operator: Binary,
        left: &Tree,
        right: &Tree,
        at: Place,
    ) -> Typed {
        let [(left, of_left), (right, of_right)] = self.pair(left, right)?;
        let mut kinds = computed(operation, of_left.kinds, of_right.kinds);
        if operation == Arithmetic::Subtract {
            kinds = kinds | time_difference(of_left.kinds, of_right.kinds);
        }
        if kinds.is_empty() {
            return Err(mismatch(operator.symbol(), of_left, of_right, at));
        }
        let (left, right) = (Box::new(left), Box::new(right));
        Ok((Node::Arithmetic { operation, symbol: operator.symbol(), left, right, at }, Type::of(kinds)))
    }

    fn equality(&mut self, negated: bool, left: &Tree, right: &Tree, at: Place) -> Typed {
        let boolean = Type::of(K::BOOL);
        let types =
            if gives_type(left) { Some((left, right)) } else { gives_type(right).then_some((right, left)) };
        if let Some((call, name)) = types
            && let Some(name) = type_name(name)
        {
            let (left, _) = self.check(call, Form::Double)?;
            let (left, right) = (Box::new(left), Box::new(Node::Constant(Constant::Type(name))));
            return Ok((Node::Equal { left, right, negated, at }, boolean));
        }
        let [(left, of_left), (right, of_right)] = self.pair(left, right)?;
        equal_sometime(of_left.kinds, of_right.kinds, at)?;
        Ok((Node::Equal { left: Box::new(left), right: Box::new(right), negated, at }, boolean))
    }

    fn comparison(&mut self, relation: Relation, left: &Tree, right: &Tree, at: Place) -> Typed {
        let [(left, of_left), (right, of_right)] = self.pair(left, right)?;
        let numbers = of_left.kinds.overlaps(K::NUMBER) && of_right.kinds.overlaps(K::NUMBER);
        let others = K::STRING | K::BYTES | K::BOOL | K::TIMESTAMP | K::DURATION;
        if !numbers && !of_left.kinds.common(of_right.kinds).overlaps(others) {
            return Err(mismatch(relation.symbol(), of_left, of_right, at));
        }
        let (left, right) = (Box::new(left), Box::new(right));
        Ok((Node::Compare { relation, left, right, at }, Type::of(K::BOOL)))
    }

    fn membership(&mut self, value: &Tree, container: &Tree, at: Place) -> Typed {
        let boolean = Type::of(K::BOOL);
        let types = gives_type(value);
        let (value, of_value) = self.check(value, Form::Decimal)?;
        let value = Box::new(value);
        if let TreeKind::List(elements) = &container.kind
            && elements.iter().all(|element| !element.optional)
        {
            let elements = self.elements(elements, of_value, types)?;
            return Ok((Node::InElements { value, elements, at }, boolean));
        }
        let (container_node, of) = self.check(container, Form::Double)?;
        if !of.kinds.overlaps(K::LIST | K::MAP) {
            return Err(mismatch("in", of_value, of, at));
        }
        if of.kinds.within(K::LIST) {
            equal_sometime(of_value.kinds, of.element, at)?;
        }
        Ok((Node::In { value, container: Box::new(container_node), at }, boolean))
    }

    /// The elements of a list in which a value of a type is searched. One of them at least can equal it.
    fn elements(
        &mut self,
        elements: &[Element],
        of: Type,
        types: bool,
    ) -> Result<Box<[Node]>, ExpressionError> {
        let form = if of.kinds.within(K::DOUBLE) { Form::Double } else { Form::Decimal };
        let mut nodes = Vec::with_capacity(elements.len());
        let mut never = None;
        let mut sometime = elements.is_empty();
        for element in elements {
            if let Some(name) = type_name(&element.value).filter(|_| types) {
                nodes.push(Node::Constant(Constant::Type(name)));
                sometime = true;
                continue;
            }
            let (node, of_element) = self.check(&element.value, form)?;
            match equal_sometime(of.kinds, of_element.kinds, element.value.at) {
                Ok(()) => sometime = true,
                Err(error) => never = never.or(Some(error)),
            }
            nodes.push(node);
        }
        match never {
            Some(error) if !sometime => Err(error),
            _ => Ok(nodes.into()),
        }
    }
}

fn is_double_literal(tree: &Tree) -> bool {
    matches!(tree.kind, TreeKind::Literal(Literal::Double(_)))
}

/// Whether a tree is a call of `type`.
fn gives_type(tree: &Tree) -> bool {
    matches!(&tree.kind, TreeKind::Call { name, target: None, .. } if **name == *"type")
}

fn boolean(of: Type, operator: &'static str, at: Place) -> Result<(), ExpressionError> {
    if of.kinds.overlaps(K::BOOL) {
        return Ok(());
    }
    Err(ExpressionErrorKind::Operand { operator, takes: K::BOOL, found: of.kinds }.at(at))
}

#[cold]
fn mismatch(operator: &'static str, left: Type, right: Type, at: Place) -> ExpressionError {
    ExpressionErrorKind::Operands { operator, left: left.kinds, right: right.kinds }.at(at)
}

/// Whether values of these kinds can be equal; null equals only what is absent, and anything can be.
fn equal_sometime(left: Kinds, right: Kinds, at: Place) -> Result<(), ExpressionError> {
    let numbers = left.overlaps(K::NUMBER) && right.overlaps(K::NUMBER);
    let nothing = left.within(K::NULL) || right.within(K::NULL);
    if numbers || nothing || left.without(K::NULL).overlaps(right) {
        return Ok(());
    }
    Err(ExpressionErrorKind::NeverEqual { left, right }.at(at))
}

/// The kinds of numbers that an operation gives.
fn computed(operation: Arithmetic, left: Kinds, right: Kinds) -> Kinds {
    let both = |kind: Kinds| if left.overlaps(kind) && right.overlaps(kind) { kind } else { K::NONE };
    let either = |kind: Kinds, other: Kinds| {
        (left.overlaps(kind) && right.overlaps(other)) || (left.overlaps(other) && right.overlaps(kind))
    };
    let mut kinds = both(K::INT) | both(K::UINT);
    if either(K::DECIMAL, K::INT | K::UINT | K::DECIMAL) {
        kinds = kinds | K::DECIMAL;
        if operation == Arithmetic::Divide {
            kinds = kinds | K::DOUBLE;
        }
    }
    if operation != Arithmetic::Remainder && either(K::DOUBLE, K::NUMBER) {
        kinds = kinds | K::DOUBLE;
    }
    kinds
}

/// The type of a sum; none where there is none.
fn added(left: Type, right: Type) -> Option<Type> {
    let both =
        |kind: Kinds| if left.kinds.overlaps(kind) && right.kinds.overlaps(kind) { kind } else { K::NONE };
    let moved = |time: Type, by: Type| time.kinds.overlaps(K::TIMESTAMP) && by.kinds.overlaps(K::DURATION);
    let mut kinds = computed(Arithmetic::Add, left.kinds, right.kinds)
        | both(K::STRING)
        | both(K::BYTES)
        | both(K::LIST)
        | both(K::DURATION);
    if moved(left, right) || moved(right, left) {
        kinds = kinds | K::TIMESTAMP;
    }
    (!kinds.is_empty()).then(|| Type { kinds, element: left.element | right.element })
}

fn time_difference(left: Kinds, right: Kinds) -> Kinds {
    let times = K::TIMESTAMP;
    let mut kinds = K::NONE;
    if left.overlaps(times) && right.overlaps(times)
        || left.overlaps(K::DURATION) && right.overlaps(K::DURATION)
    {
        kinds = kinds | K::DURATION;
    }
    if left.overlaps(times) && right.overlaps(K::DURATION) {
        kinds = kinds | times;
    }
    kinds
}
