//! The fields whose values are computed from the record.

use userstream_crds::cel::Context;
use userstream_crds::expression::{Expression, functions};

use super::cel_values::{add_variables, scalar};
use super::convert::{Destination, convert};
use super::error::MappingError;
use super::evaluation::Program;
use super::references::{Members, References};
use super::target::Target;

/// The fields whose values are computed. There is at least one.
pub(super) struct Expressions {
    functions: Context<'static>,
    /// What the expressions together refer to.
    variables: Members,
    fields: Vec<(Target, Program)>,
}

impl Expressions {
    pub(super) fn new() -> Self {
        Self { functions: functions(), variables: Members::new(), fields: Vec::new() }
    }

    /// Adds a field.
    pub(super) fn push(&mut self, target: Target, expression: &Expression) {
        let (program, variables) = Program::new(expression, &self.functions);
        References::merge(&mut self.variables, variables);
        self.fields.push((target, program));
    }

    /// Sets the cells of the fields.
    pub(super) fn evaluate(
        &self,
        document: &str,
        destination: &mut Destination<'_>,
    ) -> Result<(), MappingError> {
        let mut scope = self.functions.new_inner_scope();
        add_variables(document, &self.variables, &mut scope)?;
        for (target, program) in &self.fields {
            let value = program.evaluate(&scope).map_err(|reason| target.failed(reason))?;
            let mut digits = itoa::Buffer::new();
            convert(target, &scalar(&value, &mut digits), destination)
                .map_err(|reason| target.refused(reason))?;
        }
        Ok(())
    }
}
