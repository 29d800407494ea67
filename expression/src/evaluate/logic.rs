//! `&&`, `||` and conditionals.

use super::{Evaluated, Evaluation};
use crate::evaluation_error::{EvaluationError, EvaluationErrorKind};
use crate::place::Place;
use crate::program::Node;
use crate::value::Value;

/// What several conditions make together, in any order.
///
/// One that decides, decides, even where others fail or are absent. Otherwise a failure is the result, then absence.
pub(super) struct Junction<'a> {
    /// The value that decides: `true` for or, `false` for and.
    decisive: bool,
    operator: &'static str,
    at: Place,
    undecided: Evaluated<'a>,
}

impl<'a> Junction<'a> {
    pub(super) fn new(decisive: bool, operator: &'static str, at: Place) -> Self {
        Self { decisive, operator, at, undecided: Ok(Value::Bool(!decisive)) }
    }

    /// Takes a condition; gives the result if it decides.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(super) fn take(&mut self, condition: Evaluated<'a>) -> Result<Option<Value<'a>>, EvaluationError> {
        let outcome = match condition {
            Ok(Value::Bool(value)) if value == self.decisive => return Ok(Some(Value::Bool(value))),
            Ok(Value::Bool(_)) => return Ok(None),
            Ok(Value::Absent | Value::Null) => Ok(Value::Absent),
            Ok(other) => {
                let operand = other.kind();
                Err(EvaluationErrorKind::Operand { operator: self.operator, operand }.at(self.at))
            }
            Err(error) if error.kind.is_final() => return Err(error),
            Err(error) => Err(error),
        };
        if self.undecided.is_ok() {
            self.undecided = outcome;
        }
        Ok(None)
    }

    /// The result when no condition decided.
    pub(super) fn finish(self) -> Evaluated<'a> {
        self.undecided
    }
}

impl<'a> Evaluation<'_, 'a> {
    #[inline(never)]
    pub(super) fn logic(
        &mut self,
        operands: &'a [Node],
        decisive: bool,
        operator: &'static str,
        at: Place,
    ) -> Evaluated<'a> {
        let mut junction = Junction::new(decisive, operator, at);
        for operand in operands {
            self.step(at)?;
            let condition = self.value(operand);
            if let Some(decided) = junction.take(condition)? {
                return Ok(decided);
            }
        }
        junction.finish()
    }

    /// A condition that is absent has neither branch as its result.
    #[inline(never)]
    pub(super) fn conditional(&mut self, [condition, yes, no]: &'a [Node; 3], at: Place) -> Evaluated<'a> {
        self.step(at)?;
        match self.value(condition)? {
            Value::Bool(true) => self.value(yes),
            Value::Bool(false) => self.value(no),
            Value::Absent | Value::Null => Ok(Value::Absent),
            other => Err(EvaluationErrorKind::Operand { operator: "?", operand: other.kind() }.at(at)),
        }
    }
}
