//! CEL expressions, checked and prepared once, evaluated for each record.

use std::collections::BTreeSet;

use userstream_crds::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, LiteralValue,
    MapEntryExpr, MapExpr, SelectExpr, operators,
};
use userstream_crds::cel::{Context, ExecutionError, Value};
use userstream_crds::expression::{Expression, is_function};

use super::references::{Members, References};

/// Why the evaluation of an expression fails for a record. Its text never shows a value of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The record does not have a variable of the expression.
    #[error("the record has no {name}")]
    MissingVariable {
        /// As it stands in the expression.
        name: String,
    },
    /// An object of the record does not have a key of the expression.
    #[error("there is no key {name}")]
    MissingKey {
        /// As it stands in the expression.
        name: String,
    },
    /// A map does not have a key that was computed.
    #[error("there is no such key as was computed")]
    MissingComputedKey,
    /// A list is shorter.
    #[error("an index is outside of its list")]
    IndexOutOfBounds,
    /// An operator or a function does not take values of these types.
    #[error("an operator or a function does not take values of these types")]
    WrongTypes,
    /// A function fails for these values.
    #[error("the function {function} fails")]
    Function {
        /// As it stands in the expression.
        function: String,
    },
    /// A division by zero.
    #[error("a division by zero")]
    DivisionByZero,
    /// The result of an operator does not fit its type.
    #[error("the result of an operator does not fit its type")]
    Overflow,
    /// Anything else.
    #[error("the expression cannot be evaluated")]
    Other,
}

/// An expression that is ready to be evaluated.
pub(super) struct Program {
    expression: IdedExpr,
    /// The names that may be told.
    names: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl Program {
    /// Prepares an expression whose functions are those of `functions`. Also gives the variables it refers to.
    pub(super) fn new(expression: &Expression, functions: &Context<'_>) -> (Self, Members) {
        let expression = expression.program().expression();
        let mut references = References::of(expression);
        let mut names = BTreeSet::new();
        for function in references.functions {
            match function.qualified().filter(|qualified| is_function(qualified, functions)) {
                Some(qualified) => {
                    // What looked like a variable is the first part of the function's name.
                    function.prefix.iter().for_each(|prefix| {
                        references.variables.remove(prefix.as_str());
                    });
                    names.insert(qualified);
                }
                None => {
                    names.insert(function.name);
                }
            }
        }
        let program =
            Self { expression: with_strict_selection(expression), names: references.keys, functions: names };
        (program, references.variables)
    }

    /// Evaluates the expression with the variables of `scope`.
    pub(super) fn evaluate(&self, scope: &Context<'_>) -> Result<Value, EvaluationError> {
        Value::resolve(&self.expression, scope).map_err(|error| self.error(error))
    }

    /// The reason without the values that cel's own errors carry.
    fn error(&self, error: ExecutionError) -> EvaluationError {
        match error {
            ExecutionError::UndeclaredReference(name) => {
                EvaluationError::MissingVariable { name: name.to_string() }
            }
            ExecutionError::NoSuchKey(name) if self.names.contains(name.as_str()) => {
                EvaluationError::MissingKey { name: name.to_string() }
            }
            ExecutionError::NoSuchKey(_) => EvaluationError::MissingComputedKey,
            ExecutionError::FunctionError { function, .. } if self.functions.contains(&function) => {
                EvaluationError::Function { function }
            }
            ExecutionError::IndexOutOfBounds(_) => EvaluationError::IndexOutOfBounds,
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                EvaluationError::DivisionByZero
            }
            ExecutionError::Overflow(..) => EvaluationError::Overflow,
            ExecutionError::NoSuchOverload
            | ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::MissingArgumentOrTarget
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::UnsupportedIndex(..)
            | ExecutionError::UnsupportedKeyType(_)
            | ExecutionError::UnsupportedListIndex(_)
            | ExecutionError::UnsupportedMapIndex(_)
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::UnsupportedUnaryOperator(..)
            | ExecutionError::ValuesNotComparable(..) => EvaluationError::WrongTypes,
            _ => EvaluationError::Other,
        }
    }
}

/// The same expression, with every `a.b` written as `a["b"]`.
///
/// cel makes `false` of a member of something that has no members, for example of a text: `string(street.number)` would
/// be the text `false` for a record in which `street` is a text. An index fails there, as CEL says, and moreover does
/// not copy the object that it looks into.
fn with_strict_selection(expression: &IdedExpr) -> IdedExpr {
    let all = |expressions: &[IdedExpr]| expressions.iter().map(with_strict_selection).collect();
    let expr = match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => expression.expr.clone(),
        Expr::Select(SelectExpr { operand, field, test: false }) => {
            let key = LiteralValue::String(field.as_str().into());
            let key = IdedExpr { id: expression.id, expr: Expr::Literal(key) };
            let args = vec![with_strict_selection(operand), key];
            Expr::Call(CallExpr { func_name: operators::INDEX.to_owned(), target: None, args })
        }
        Expr::Select(SelectExpr { operand, field, test: true }) => {
            let operand = Box::new(with_strict_selection(operand));
            Expr::Select(SelectExpr { operand, field: field.clone(), test: true })
        }
        Expr::Call(CallExpr { func_name, target, args }) => {
            let target = target.as_deref().map(|target| Box::new(with_strict_selection(target)));
            Expr::Call(CallExpr { func_name: func_name.clone(), target, args: all(args) })
        }
        Expr::List(ListExpr { elements, optional_indices }) => {
            Expr::List(ListExpr { elements: all(elements), optional_indices: optional_indices.clone() })
        }
        Expr::Map(MapExpr { entries }) => {
            let entries = entries.iter().map(|entry| match &entry.expr {
                EntryExpr::StructField(_) => entry.clone(),
                EntryExpr::MapEntry(MapEntryExpr { key, value, optional }) => {
                    let (key, value) = (with_strict_selection(key), with_strict_selection(value));
                    let expr = EntryExpr::MapEntry(MapEntryExpr { key, value, optional: *optional });
                    IdedEntryExpr { id: entry.id, expr }
                }
            });
            Expr::Map(MapExpr { entries: entries.collect() })
        }
        Expr::Comprehension(comprehension) => Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range: with_strict_selection(&comprehension.iter_range),
            accu_init: with_strict_selection(&comprehension.accu_init),
            loop_cond: with_strict_selection(&comprehension.loop_cond),
            loop_step: with_strict_selection(&comprehension.loop_step),
            result: with_strict_selection(&comprehension.result),
            ..(**comprehension).clone()
        })),
    };
    IdedExpr { id: expression.id, expr }
}

#[cfg(test)]
mod tests {
    use userstream_crds::expression::functions;

    use super::*;

    #[test]
    fn a_member_of_what_has_none_is_an_error_and_not_false() {
        let functions = functions();
        for source in
            ["'text'.member", "[1].member", "1.member", "{'a': 'text'}.a.member", "[{'a': 1}].all(x, x.a.b)"]
        {
            let expression = Expression::compile(source).unwrap();
            let (program, _) = Program::new(&expression, &functions);
            assert_eq!(program.evaluate(&functions), Err(EvaluationError::WrongTypes), "{source}");
        }
    }
}
