//! CEL expressions that were compiled once.

use std::fmt;
use std::sync::Arc;

use kube_cel::cel::Program;

/// A CEL expression that compiles. Cloning shares the program.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
}

/// The text is not a CEL expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a CEL expression: {reason}")]
pub struct ExpressionError {
    /// What the parser says, with the position.
    pub reason: String,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is not CEL.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let program =
            Program::compile(source).map_err(|error| ExpressionError { reason: error.to_string() })?;
        Ok(Self { source: source.into(), program: Arc::new(program) })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The compiled program, to be executed in a context with the functions of
    /// [`KubeCelExt::with_all`](crate::KubeCelExt::with_all) and the variables that it names.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}
