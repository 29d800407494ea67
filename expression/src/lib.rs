//! The language of `expr` and `filter`.
//!
//! The language is [CEL](https://github.com/google/cel-spec). The evaluator is not that of a library, because values of a
//! record must arrive as they are and no expression may take a worker's time or memory:
//!
//! - **Exact**: a number of the record keeps all its digits. Integers of 64 bits are `int`; all others are decimals, which
//!   compare, add and multiply without rounding.
//! - **Absent is absent**: what is computed from a member that is missing, or null, is absent, unless the expression asks
//!   with `has`, `== null`, `.?` or `orValue`.
//! - **Bounded**: the text is bounded before it is parsed, and the evaluation for one record by its [`Budget`].
//!
//! A text passes through [`syntax`], [`check`] and [`evaluate`]: the first two once, when the resource is validated.

#![forbid(unsafe_code)]

mod arithmetic;
mod budget;
mod check;
mod comparison;
mod error;
mod evaluate;
mod evaluation_error;
mod functions;
mod kind;
pub mod limits;
mod number;
mod pattern;
mod place;
mod program;
mod scope;
#[cfg(test)]
mod second_opinion;
mod syntax;
#[cfg(test)]
mod testing;
mod time;
mod value;
mod version;

use std::fmt;
use std::sync::Arc;

pub use budget::Budget;
pub use error::{ExpressionError, ExpressionErrorKind};
pub use evaluate::Variables;
pub use evaluation_error::{EvaluationError, EvaluationErrorKind};
pub use kind::{Kind, Kinds};
pub use place::Place;
pub use scope::MemberPath;
pub use time::Timestamp;
pub use value::{Map, TypeName, Value};

use program::Node;
use scope::Scope;

/// A checked expression. Cloning shares the program.
///
/// `V` says what a variable is.
pub struct Expression<V> {
    source: Arc<str>,
    program: Arc<Node>,
    variables: Arc<[V]>,
}

/// An expression over the members of a record.
pub type RecordExpression = Expression<MemberPath>;

/// An expression over declared fields, which are its variables by their positions.
pub type FieldsExpression = Expression<usize>;

impl RecordExpression {
    /// Compiles an expression over the members of a record, which gives a value of these kinds, or none.
    ///
    /// # Errors
    /// When the text is no such expression.
    pub fn compile(source: &str, gives: Kinds) -> Result<Self, ExpressionError> {
        Self::checked(source, Scope::Record, gives, Some)
    }
}

impl FieldsExpression {
    /// Compiles an expression over fields with these names and kinds, which gives a value of these kinds, or none.
    ///
    /// # Errors
    /// When the text is no such expression.
    pub fn compile(source: &str, fields: &[(&str, Kinds)], gives: Kinds) -> Result<Self, ExpressionError> {
        Self::checked(source, Scope::Fields(fields), gives, |path| {
            let name = path.names().next()?;
            fields.iter().position(|(field, _)| *field == name)
        })
    }
}

impl<V> Expression<V> {
    fn checked(
        source: &str,
        scope: Scope<'_>,
        gives: Kinds,
        variable: impl Fn(MemberPath) -> Option<V>,
    ) -> Result<Self, ExpressionError> {
        let tree = syntax::parse(source)?;
        let checked = check::check(&tree, scope)?;
        let found = checked.result.given();
        if !found.overlaps(gives | Kinds::NULL) {
            return Err(ExpressionErrorKind::Result { gives: found, takes: gives }.at(tree.at));
        }
        Ok(Self {
            source: source.into(),
            program: Arc::new(checked.node),
            variables: checked.variables.into_iter().filter_map(variable).collect(),
        })
    }

    /// The expression as it is written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables, by the indexes with which [`Variables`] is asked for them.
    #[must_use]
    pub fn variables(&self) -> &[V] {
        &self.variables
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// When an operation does not take its values, or the budget is used up.
    pub fn evaluate<'a>(
        &'a self,
        variables: &dyn Variables<'a>,
        budget: &'a Budget,
    ) -> Result<Value<'a>, EvaluationError> {
        evaluate::evaluate(&self.program, variables, budget)
    }
}

impl<V> Clone for Expression<V> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            program: Arc::clone(&self.program),
            variables: Arc::clone(&self.variables),
        }
    }
}

impl<V> fmt::Debug for Expression<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

/// Expressions are the same when they are written alike.
impl<V> PartialEq for Expression<V> {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl<V> Eq for Expression<V> {}
