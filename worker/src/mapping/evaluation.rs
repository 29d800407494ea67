//! Evaluations that never take the worker with them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use userstream_crds::expression::{
    Budget, EvaluationError, EvaluationErrorKind, Expression, Place, Value, Variables,
};

/// Evaluates an expression. A panic, which is a fault of this program, is an error of the record like any other.
pub(super) fn evaluate<'a, V>(
    expression: &'a Expression<V>,
    variables: &dyn Variables<'a>,
    budget: &'a Budget,
) -> Result<Value<'a>, EvaluationError> {
    // Nothing that a panic leaves half done is used again: the budget is renewed for the next record.
    let caught = catch_unwind(AssertUnwindSafe(|| expression.evaluate(variables, budget)));
    caught.unwrap_or(Err(EvaluationError { at: Place::START, kind: EvaluationErrorKind::Panic }))
}

#[cfg(test)]
mod tests {
    use userstream_crds::expression::{Kinds, RecordExpression};

    use super::*;

    struct Panics;

    impl<'a> Variables<'a> for Panics {
        fn variable(&self, _: usize, _: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
            panic!("a fault")
        }
    }

    #[test]
    fn a_panic_is_an_error_of_the_record() {
        let expression = RecordExpression::compile("a + 'x'", Kinds::ANY).unwrap();
        let budget = Budget::new();
        let error = evaluate(&expression, &Panics, &budget).unwrap_err();
        assert_eq!(error.to_string(), "the evaluation panicked, at column 1");
    }
}
