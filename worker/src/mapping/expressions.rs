//! The fields whose values are computed from the record.

use userstream_crds::cel::Context;
use userstream_crds::expression::Expression;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::FieldType;

use super::cel_values::{add_variables, scalar};
use super::convert::{Destination, convert};
use super::document::Failure;
use super::error::MappingError;
use super::evaluation::{ExpressionRefusal, Program, functions};
use super::references::{Members, References};

/// The fields whose values are computed. There is at least one.
pub(super) struct Expressions {
    functions: Context<'static>,
    /// What the expressions together refer to.
    variables: Members,
    fields: Vec<ComputedField>,
}

struct ComputedField {
    field: usize,
    name: Identifier,
    field_type: FieldType,
    program: Program,
}

impl Expressions {
    pub(super) fn new() -> Self {
        Self { functions: functions(), variables: Members::new(), fields: Vec::new() }
    }

    /// Adds a field.
    pub(super) fn push(
        &mut self,
        field: usize,
        name: &Identifier,
        field_type: FieldType,
        expression: &Expression,
    ) -> Result<(), ExpressionRefusal> {
        let (program, variables) = Program::new(expression, &self.functions)?;
        References::merge(&mut self.variables, variables);
        self.fields.push(ComputedField { field, name: name.clone(), field_type, program });
        Ok(())
    }

    /// Sets the cells of the fields.
    pub(super) fn evaluate(&self, destination: &mut Destination<'_>) -> Result<(), Failure> {
        let mut scope = self.functions.new_inner_scope();
        add_variables(destination.input, &self.variables, &mut scope).map_err(Failure::Document)?;
        for ComputedField { field, name, field_type, program } in &self.fields {
            let value = program.evaluate(&scope).map_err(|reason| {
                Failure::Document(MappingError::Expression { field: name.clone(), reason })
            })?;
            let mut digits = itoa::Buffer::new();
            let cell = convert(*field_type, scalar(&value, &mut digits), destination)
                .map_err(|reason| Failure::Value { field: *field, reason })?;
            destination.cells.set(*field, cell);
        }
        Ok(())
    }
}
