//! List and map literals.

use super::{Evaluated, Evaluation};
use crate::evaluation_error::{EvaluationError, EvaluationErrorKind};
use crate::kind::{Kind, Kinds};
use crate::place::Place;
use crate::program::Node;
use crate::value::{Map, Value};

impl<'a> Evaluation<'_, 'a> {
    #[inline(never)]
    pub(super) fn list(&mut self, elements: &'a [(Node, bool)], at: Place) -> Evaluated<'a> {
        self.step(at)?;
        let mut values = Vec::with_capacity(elements.len());
        for (element, optional) in elements {
            let value = self.value(element)?;
            values.extend(if *optional { present(value, at)? } else { Some(value) });
        }
        self.budget.build(&values).map(Value::List).map_err(|error| error.at(at))
    }

    #[inline(never)]
    pub(super) fn map(&mut self, entries: &'a [(Node, Node, bool)], at: Place) -> Evaluated<'a> {
        self.step(at)?;
        let mut built = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let key = self.value(key)?;
            if key.is_nothing() {
                return Ok(Value::Absent);
            }
            if !Kinds::KEY.contains(key.kind()) {
                let container = Kind::Map;
                return Err(EvaluationErrorKind::Index { container, index: key.kind() }.at(at));
            }
            // Keys are compared with one another.
            (0..4).try_for_each(|_| key.spend_text(self.budget)).map_err(|error| error.at(at))?;
            let value = self.value(value)?;
            let value = if *optional { present(value, at)? } else { Some(value) };
            built.extend(value.map(|value| (key, value)));
        }
        Map::build(built, self.budget).map(Value::Map).map_err(|error| error.at(at))
    }
}

/// The value of an optional element or entry, unless it is left out.
fn present<'a>(value: Value<'a>, at: Place) -> Result<Option<Value<'a>>, EvaluationError> {
    match value {
        Value::Optional(value) => Ok(value.copied()),
        Value::Absent | Value::Null => Ok(None),
        other => Err(EvaluationErrorKind::Operand { operator: "?", operand: other.kind() }.at(at)),
    }
}
