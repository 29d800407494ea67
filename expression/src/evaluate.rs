//! The evaluation of a checked expression.
//!
//! Every operation takes a step of the record's [`Budget`], so that the evaluation ends. It recurses only as deep as the
//! expression is.

mod collections;
mod logic;
mod loops;
mod operators;
mod selection;

use super::budget::Budget;
use super::evaluation_error::{EvaluationError, EvaluationErrorKind};
use super::functions::{Call, Function};
use super::pattern::Pattern;
use super::place::Place;
use super::program::Node;
use super::value::Value;

/// The variables of an expression.
pub trait Variables<'a> {
    /// The value of the variable with this index; [`Value::Absent`] where there is none.
    ///
    /// # Errors
    /// When there is a value that an expression cannot have, or it takes too much memory.
    fn variable(&self, variable: usize, budget: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind>;
}

type Evaluated<'a> = Result<Value<'a>, EvaluationError>;

/// Evaluates an expression.
pub(super) fn evaluate<'a>(
    node: &'a Node,
    variables: &dyn Variables<'a>,
    budget: &'a Budget,
) -> Evaluated<'a> {
    Evaluation { variables, budget, locals: Vec::new() }.value(node)
}

struct Evaluation<'v, 'a> {
    variables: &'v dyn Variables<'a>,
    budget: &'a Budget,
    /// The variables of the macros around the place, from the outside in.
    locals: Vec<Value<'a>>,
}

impl<'a> Evaluation<'_, 'a> {
    // Each arm is a call, so that the frame of this function stays small: it is the one that recurses.
    fn value(&mut self, node: &'a Node) -> Evaluated<'a> {
        match node {
            Node::Constant(constant) => Ok(constant.value()),
            Node::Variable { variable, at } => self.variable(*variable, *at),
            Node::HasVariable { variable, at } => self.has_variable(*variable, *at),
            Node::Local(position) => Ok(self.locals.get(*position).copied().unwrap_or(Value::Absent)),
            Node::Select { operand, member, optional, at } => self.select(operand, member, *optional, *at),
            Node::Has { operand, member, at } => self.has(operand, member, *at),
            Node::Index { operand, index, optional, at } => self.index(operand, index, *optional, *at),
            Node::Optional(operand) => self.optional(operand),
            Node::Not { operand, at } => self.not(operand, *at),
            Node::Negate { operand, at } => self.negate(operand, *at),
            Node::Sum { operands, at } => self.sum(operands, *at),
            Node::Arithmetic { operation, symbol, left, right, at } => {
                self.arithmetic(*operation, symbol, left, right, *at)
            }
            Node::Equal { left, right, negated, at } => self.equal(left, right, *negated, *at),
            Node::Compare { relation, left, right, at } => self.compare(*relation, left, right, *at),
            Node::In { value, container, at } => self.is_in(value, container, *at),
            Node::InElements { value, elements, at } => self.is_in_elements(value, elements, *at),
            Node::And { operands, at } => self.logic(operands, false, "&&", *at),
            Node::Or { operands, at } => self.logic(operands, true, "||", *at),
            Node::Conditional { parts, at } => self.conditional(parts, *at),
            Node::List { elements, at } => self.list(elements, *at),
            Node::Map { entries, at } => self.map(entries, *at),
            Node::Call { function, arguments, pattern, at } => {
                self.call(function, arguments, pattern.as_deref(), *at)
            }
            Node::Loop(it) => self.walk(it),
        }
    }

    fn step(&self, at: Place) -> Result<(), EvaluationError> {
        self.budget.spend(1).map_err(|error| error.at(at))
    }

    #[inline(never)]
    fn variable(&mut self, variable: usize, at: Place) -> Evaluated<'a> {
        self.step(at)?;
        self.variables.variable(variable, self.budget).map_err(|error| error.at(at))
    }

    #[inline(never)]
    fn has_variable(&mut self, variable: usize, at: Place) -> Evaluated<'a> {
        Ok(Value::Bool(!matches!(self.variable(variable, at)?, Value::Absent)))
    }

    #[inline(never)]
    fn call(
        &mut self,
        function: &'static Function,
        arguments: &'a [Node],
        pattern: Option<&Pattern>,
        at: Place,
    ) -> Evaluated<'a> {
        /// Few functions take more arguments.
        const FEW: usize = 4;
        self.step(at)?;
        self.with_values::<FEW>(arguments, |evaluation, values| {
            evaluation.apply(function, values, pattern, at)
        })
    }

    /// The result for the values of nodes. Those of `FEW` nodes and fewer are not allocated.
    #[inline]
    fn with_values<const FEW: usize>(
        &mut self,
        nodes: &'a [Node],
        result: impl FnOnce(&Self, &[Value<'a>]) -> Evaluated<'a>,
    ) -> Evaluated<'a> {
        if nodes.len() > FEW {
            let values = nodes.iter().map(|node| self.value(node)).collect::<Result<Vec<_>, _>>()?;
            return result(self, &values);
        }
        let mut values = [Value::Absent; FEW];
        for (value, node) in values.iter_mut().zip(nodes) {
            *value = self.value(node)?;
        }
        result(self, values.get(..nodes.len()).unwrap_or_default())
    }

    #[inline(never)]
    fn apply(
        &self,
        function: &'static Function,
        values: &[Value<'a>],
        pattern: Option<&Pattern>,
        at: Place,
    ) -> Evaluated<'a> {
        for (position, value) in values.iter().enumerate() {
            let (takes, found) = (function.parameter(position), value.kind());
            if let Value::Decimal(_) = value {
                value.spend_text(self.budget).map_err(|error| error.at(at))?;
            }
            if value.is_nothing() {
                if function.takes_nothing {
                    continue;
                }
                return Ok(Value::Absent);
            }
            if !takes.contains(found) {
                return Err(EvaluationErrorKind::Argument { function: function.name, takes, found }.at(at));
            }
        }
        let call = Call { budget: self.budget, function, pattern };
        (function.body)(&call, values).map_err(|error| error.at(at))
    }
}

#[cfg(test)]
mod tests;
