//! Operators: arithmetic, equality, order and membership.

use std::cmp::Ordering;

use super::{Evaluated, Evaluation};
use crate::arithmetic::{arithmetic, negated, operands, sum};
use crate::comparison;
use crate::evaluation_error::EvaluationErrorKind;
use crate::number::Arithmetic;
use crate::place::Place;
use crate::program::{Node, Relation};
use crate::value::Value;

impl<'a> Evaluation<'_, 'a> {
    #[inline(never)]
    pub(super) fn not(&mut self, operand: &'a Node, at: Place) -> Evaluated<'a> {
        self.step(at)?;
        match self.value(operand)? {
            Value::Bool(value) => Ok(Value::Bool(!value)),
            Value::Absent | Value::Null => Ok(Value::Absent),
            other => Err(EvaluationErrorKind::Operand { operator: "!", operand: other.kind() }.at(at)),
        }
    }

    #[inline(never)]
    pub(super) fn negate(&mut self, operand: &'a Node, at: Place) -> Evaluated<'a> {
        self.step(at)?;
        let value = self.value(operand)?;
        if value.is_nothing() {
            return Ok(Value::Absent);
        }
        negated(&value, self.budget).map_err(|error| error.at(at))
    }

    /// A chain of `+`. Texts are joined at once, so that a long chain does not build every part of itself.
    #[inline(never)]
    pub(super) fn sum(&mut self, operands: &'a [Node], at: Place) -> Evaluated<'a> {
        /// Longer chains are rare.
        const FEW: usize = 8;
        self.budget.spend(operands.len()).map_err(|error| error.at(at))?;
        self.with_values::<FEW>(operands, |evaluation, values| {
            sum(values, evaluation.budget).map_err(|error| error.at(at))
        })
    }

    #[inline(never)]
    pub(super) fn arithmetic(
        &mut self,
        operation: Arithmetic,
        symbol: &'static str,
        left: &'a Node,
        right: &'a Node,
        at: Place,
    ) -> Evaluated<'a> {
        self.step(at)?;
        let (left, right) = (self.value(left)?, self.value(right)?);
        if left.is_nothing() || right.is_nothing() {
            return Ok(Value::Absent);
        }
        arithmetic(operation, symbol, &left, &right, self.budget).map_err(|error| error.at(at))
    }

    #[inline(never)]
    pub(super) fn equal(
        &mut self,
        left: &'a Node,
        right: &'a Node,
        negated: bool,
        at: Place,
    ) -> Evaluated<'a> {
        self.step(at)?;
        let (left, right) = (self.value(left)?, self.value(right)?);
        let equal = comparison::equal(&left, &right, self.budget).map_err(|error| error.at(at))?;
        Ok(Value::Bool(equal != negated))
    }

    #[inline(never)]
    pub(super) fn compare(
        &mut self,
        relation: Relation,
        left: &'a Node,
        right: &'a Node,
        at: Place,
    ) -> Evaluated<'a> {
        self.step(at)?;
        let (left, right) = (self.value(left)?, self.value(right)?);
        if left.is_nothing() || right.is_nothing() {
            return Ok(Value::Absent);
        }
        let order = comparison::order(&left, &right, self.budget).map_err(|error| error.at(at))?;
        let holds = match (relation, order) {
            (_, None) if comparison::have_order(&left, &right) => false,
            (_, None) => return Err(operands(relation.symbol(), &left, &right).at(at)),
            (Relation::Less, Some(order)) => order == Ordering::Less,
            (Relation::LessOrEqual, Some(order)) => order != Ordering::Greater,
            (Relation::Greater, Some(order)) => order == Ordering::Greater,
            (Relation::GreaterOrEqual, Some(order)) => order != Ordering::Less,
        };
        Ok(Value::Bool(holds))
    }

    #[inline(never)]
    pub(super) fn is_in(&mut self, value: &'a Node, container: &'a Node, at: Place) -> Evaluated<'a> {
        self.step(at)?;
        let (value, container) = (self.value(value)?, self.value(container)?);
        match container {
            Value::Absent | Value::Null => Ok(Value::Absent),
            Value::Map(map) => {
                value.spend_text(self.budget).map_err(|error| error.at(at))?;
                Ok(Value::Bool(map.get(&value).is_some()))
            }
            Value::List(list) => self.is_among(&value, list, at),
            _ => Err(operands("in", &value, &container).at(at)),
        }
    }

    fn is_among(&self, value: &Value<'a>, list: &[Value<'a>], at: Place) -> Evaluated<'a> {
        for element in list {
            self.step(at)?;
            if comparison::equal(value, element, self.budget).map_err(|error| error.at(at))? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    #[inline(never)]
    pub(super) fn is_in_elements(
        &mut self,
        value: &'a Node,
        elements: &'a [Node],
        at: Place,
    ) -> Evaluated<'a> {
        let value = self.value(value)?;
        let mut found = false;
        for element in elements {
            self.step(at)?;
            // An element that fails makes the whole fail, at any position.
            let element = self.value(element)?;
            found =
                found || comparison::equal(&value, &element, self.budget).map_err(|error| error.at(at))?;
        }
        Ok(Value::Bool(found))
    }
}
