//! Members and elements of values.

use super::{Evaluated, Evaluation};
use crate::evaluation_error::EvaluationErrorKind;
use crate::place::Place;
use crate::program::Node;
use crate::value::Value;

type Found<'a> = Result<Value<'a>, EvaluationErrorKind>;

impl<'a> Evaluation<'_, 'a> {
    #[inline(never)]
    pub(super) fn select(
        &mut self,
        operand: &'a Node,
        name: &'a str,
        optional: bool,
        at: Place,
    ) -> Evaluated<'a> {
        self.step(at)?;
        let operand = self.value(operand)?;
        self.chained(operand, optional, |value| value.member(name)).map_err(|error| error.at(at))
    }

    #[inline(never)]
    pub(super) fn index(
        &mut self,
        operand: &'a Node,
        index: &'a Node,
        optional: bool,
        at: Place,
    ) -> Evaluated<'a> {
        self.step(at)?;
        let (operand, index) = (self.value(operand)?, self.value(index)?);
        index.spend_text(self.budget).map_err(|error| error.at(at))?;
        self.chained(operand, optional, |value| element(value, &index)).map_err(|error| error.at(at))
    }

    /// What is selected from an optional is optional too.
    fn chained(
        &self,
        operand: Value<'a>,
        optional: bool,
        select: impl FnOnce(&Value<'a>) -> Found<'a>,
    ) -> Found<'a> {
        let value = match operand {
            Value::Optional(None) => return Ok(operand),
            Value::Optional(Some(value)) => *value,
            value if optional => value,
            value => return select(&value),
        };
        Ok(match select(&value)? {
            Value::Absent => Value::Optional(None),
            selected => Value::Optional(Some(self.budget.keep(selected)?)),
        })
    }

    #[inline(never)]
    pub(super) fn has(&mut self, operand: &'a Node, name: &'a str, at: Place) -> Evaluated<'a> {
        self.step(at)?;
        let value = match self.value(operand)? {
            Value::Optional(value) => value.copied().unwrap_or(Value::Absent),
            value => value,
        };
        let member = value.member(name).map_err(|error| error.at(at))?;
        Ok(Value::Bool(!matches!(member, Value::Absent)))
    }

    #[inline(never)]
    pub(super) fn optional(&mut self, operand: &'a Node) -> Evaluated<'a> {
        Ok(match self.value(operand)? {
            Value::Absent => Value::Optional(None),
            optional @ Value::Optional(_) => optional,
            value => Value::Optional(Some(self.budget.keep(value).map_err(|error| error.at(Place::START))?)),
        })
    }
}

/// An index or key that is not there is absent, like a member.
fn element<'a>(value: &Value<'a>, index: &Value<'a>) -> Found<'a> {
    let found = match (value, index) {
        _ if value.is_nothing() || index.is_nothing() => None,
        (Value::List(list), _) => {
            let position = match index {
                Value::Int(position) => {
                    usize::try_from(*position).map_err(|_| EvaluationErrorKind::NegativeIndex)?
                }
                Value::Uint(position) => usize::try_from(*position).unwrap_or(usize::MAX),
                _ => whole(index)
                    .ok_or(EvaluationErrorKind::Index { container: value.kind(), index: index.kind() })?,
            };
            list.get(position).copied()
        }
        (Value::Map(map), Value::String(_) | Value::Bool(_)) => map.get(index),
        (Value::Map(map), _) if index.number().is_some() => map.get(index),
        (Value::Map(_), _) => {
            return Err(EvaluationErrorKind::Index { container: value.kind(), index: index.kind() });
        }
        _ => return Err(EvaluationErrorKind::NoElements(value.kind())),
    };
    Ok(found.unwrap_or(Value::Absent))
}

/// The position that a double or decimal without a fraction is.
fn whole(index: &Value<'_>) -> Option<usize> {
    let number = index.number()?.to_double();
    let is_position = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    is_position.then_some(number as usize)
}
