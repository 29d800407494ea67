//! The macros that walk a list or a map.

use super::logic::Junction;
use super::{Evaluated, Evaluation};
use crate::evaluation_error::{EvaluationError, EvaluationErrorKind};
use crate::place::Place;
use crate::program::{Loop, LoopKind, Node};
use crate::value::Value;

impl<'a> Evaluation<'_, 'a> {
    #[inline(never)]
    pub(super) fn walk(&mut self, it: &'a Loop) -> Evaluated<'a> {
        self.step(it.at)?;
        let range = self.value(&it.range)?;
        let position = self.locals.len();
        self.locals.push(Value::Absent);
        let result = self.walked(it, &range, position);
        self.locals.truncate(position);
        result
    }

    fn walked(&mut self, it: &'a Loop, range: &Value<'a>, local: usize) -> Evaluated<'a> {
        match &it.kind {
            _ if matches!(range, Value::Absent | Value::Null) => Ok(Value::Absent),
            LoopKind::All => self.quantified(it, range, local, false),
            LoopKind::Exists => self.quantified(it, range, local, true),
            LoopKind::ExistsOne => self.exists_one(it, range, local),
            LoopKind::Filter => self.collected(it, range, local, Some(&it.body), None),
            LoopKind::Map { condition } => {
                self.collected(it, range, local, condition.as_ref(), Some(&it.body))
            }
            LoopKind::OptionalMap | LoopKind::OptionalFlatMap => self.optional_mapped(it, range, local),
        }
    }

    /// How many elements or keys there are.
    fn length(it: &Loop, range: &Value<'a>) -> Result<usize, EvaluationError> {
        match range {
            Value::List(list) => Ok(list.len()),
            Value::Map(map) => Ok(map.entries().len()),
            other => {
                Err(EvaluationErrorKind::Operand { operator: it.kind.name(), operand: other.kind() }
                    .at(it.at))
            }
        }
    }

    /// Makes an element or key the value of the macro's variable.
    fn bind(&mut self, range: &Value<'a>, index: usize, local: usize) -> Value<'a> {
        let element = match range {
            Value::List(list) => list.get(index).copied(),
            Value::Map(map) => map.entries().get(index).map(|(key, _)| *key),
            _ => None,
        };
        let element = element.unwrap_or(Value::Absent);
        if let Some(slot) = self.locals.get_mut(local) {
            *slot = element;
        }
        element
    }

    fn quantified(&mut self, it: &'a Loop, range: &Value<'a>, local: usize, decisive: bool) -> Evaluated<'a> {
        let mut junction = Junction::new(decisive, it.kind.name(), it.at);
        for index in 0..Self::length(it, range)? {
            self.step(it.at)?;
            self.bind(range, index, local);
            let condition = self.value(&it.body);
            if let Some(decided) = junction.take(condition)? {
                return Ok(decided);
            }
        }
        junction.finish()
    }

    fn exists_one(&mut self, it: &'a Loop, range: &Value<'a>, local: usize) -> Evaluated<'a> {
        let mut count = 0_usize;
        for index in 0..Self::length(it, range)? {
            self.step(it.at)?;
            self.bind(range, index, local);
            match self.condition(&it.body, it)? {
                Some(holds) => count += usize::from(holds),
                None => return Ok(Value::Absent),
            }
        }
        Ok(Value::Bool(count == 1))
    }

    /// A condition of an element; none when it is absent.
    fn condition(&mut self, condition: &'a Node, it: &Loop) -> Result<Option<bool>, EvaluationError> {
        match self.value(condition)? {
            Value::Bool(holds) => Ok(Some(holds)),
            Value::Absent | Value::Null => Ok(None),
            other => {
                Err(EvaluationErrorKind::Operand { operator: it.kind.name(), operand: other.kind() }
                    .at(it.at))
            }
        }
    }

    /// The elements for which a condition holds, transformed. One whose condition is absent is left out.
    fn collected(
        &mut self,
        it: &'a Loop,
        range: &Value<'a>,
        local: usize,
        condition: Option<&'a Node>,
        transform: Option<&'a Node>,
    ) -> Evaluated<'a> {
        let mut collected = Vec::new();
        for index in 0..Self::length(it, range)? {
            self.step(it.at)?;
            let element = self.bind(range, index, local);
            if let Some(condition) = condition
                && self.condition(condition, it)? != Some(true)
            {
                continue;
            }
            let value = match transform {
                Some(transform) => self.value(transform)?,
                None => element,
            };
            self.budget.check_elements(collected.len() + 1).map_err(|error| error.at(it.at))?;
            collected.push(value);
        }
        self.budget.build(&collected).map(Value::List).map_err(|error| error.at(it.at))
    }

    fn optional_mapped(&mut self, it: &'a Loop, range: &Value<'a>, local: usize) -> Evaluated<'a> {
        let value = match range {
            Value::Optional(None) => return Ok(*range),
            Value::Optional(Some(value)) => **value,
            other => {
                let operand = other.kind();
                return Err(EvaluationErrorKind::Operand { operator: it.kind.name(), operand }.at(it.at));
            }
        };
        if let Some(slot) = self.locals.get_mut(local) {
            *slot = value;
        }
        let mapped = self.value(&it.body)?;
        match (&it.kind, mapped) {
            (_, Value::Absent) => Ok(Value::Optional(None)),
            (LoopKind::OptionalFlatMap, optional @ Value::Optional(_)) => Ok(optional),
            (LoopKind::OptionalFlatMap, other) => {
                Err(EvaluationErrorKind::Operand { operator: it.kind.name(), operand: other.kind() }
                    .at(it.at))
            }
            (_, value) => self.kept(value, it.at),
        }
    }

    fn kept(&self, value: Value<'a>, at: Place) -> Evaluated<'a> {
        Ok(Value::Optional(Some(self.budget.keep(value).map_err(|error| error.at(at))?)))
    }
}
