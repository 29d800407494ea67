//! The mapper of a schema.

use userstream_crds::model::{Field, FieldType, Origin, Pipeline, Variable};
use userstream_crds::record_path::RecordPath;

use super::convert::{Destination, convert};
use super::document::{self, Scratch};
use super::error::MappingError;
use super::expressions::Expressions;
use super::paths::Members;
use super::refusal::Refusal;
use super::scalar::Scalar;
use super::target::Target;
use crate::record::{Cell, Cells};

/// Maps records to the fields of a schema.
///
/// Compiled once, it is used for one record after another and reuses its memory.
pub struct Mapper {
    /// The number of fields.
    fields: usize,
    required: Box<[Target]>,
    paths: Members,
    variables: Box<[(Target, Variable)]>,
    expressions: Option<Expressions>,
    scratch: Scratch,
}

/// The values of a record's variables (`$offset` and the like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MapContext<'a> {
    /// When it was fetched, in milliseconds since the Unix epoch.
    pub fetched_at: i64,
    /// The key of the record.
    pub key: Option<&'a [u8]>,
    /// Its offset.
    pub offset: i64,
    /// Its partition.
    pub partition: i32,
}

impl Mapper {
    /// The mapper of a producer: each field by its `from`.
    pub fn from_source(pipeline: &Pipeline) -> Self {
        Self::compile(&pipeline.fields)
    }

    /// The mapper of these fields, each by its `from`.
    pub fn compile(fields: &[Field]) -> Self {
        let mut paths = Vec::new();
        let mut variables = Vec::new();
        let mut expressions: Option<Expressions> = None;
        for (field, target) in targets(fields) {
            match &field.origin {
                Origin::Path(path) => paths.push((path, target)),
                Origin::Variable(variable) => variables.push((target, *variable)),
                Origin::Expression(expression) => {
                    expressions.get_or_insert_with(Expressions::new).push(target, expression);
                }
            }
        }
        Self { variables: variables.into(), expressions, ..Self::of_paths(fields, Members::new(paths)) }
    }

    /// The mapper of records in the declared schema: every field from the member of its name.
    pub fn canonical(fields: &[Field]) -> Self {
        let paths: Vec<RecordPath> = fields.iter().map(|field| RecordPath::of_field(&field.name)).collect();
        let targets = targets(fields).map(|(_, target)| target);
        Self::of_paths(fields, Members::new(paths.iter().zip(targets)))
    }

    fn of_paths(fields: &[Field], paths: Members) -> Self {
        let required = targets(fields).filter(|(field, _)| field.required).map(|(_, target)| target);
        Self {
            fields: fields.len(),
            required: required.collect(),
            paths,
            variables: Box::default(),
            expressions: None,
            scratch: Scratch::default(),
        }
    }

    /// Sets `cells` to the values of a record, one for each field, in the order of the schema.
    ///
    /// Text without escapes is not copied: its cell refers to `input`. After an error, `cells` is meaningless.
    ///
    /// # Errors
    /// When the record is not a JSON object, lacks a required field, or has a value that does not convert to the
    /// field's type. The same record always fails in the same way.
    pub fn map(
        &mut self,
        input: &[u8],
        context: &MapContext<'_>,
        cells: &mut Cells,
    ) -> Result<(), MappingError> {
        // One check of the whole record, instead of one for each key and text.
        let document = std::str::from_utf8(input)
            .map_err(|error| MappingError::NotUtf8 { position: error.valid_up_to() })?;
        cells.reset(self.fields, input.len());
        document::read(document, &self.paths, cells, &mut self.scratch)?;
        let mut destination = Destination { input, cells, decoded: &mut self.scratch.decoded };
        for (target, variable) in &self.variables {
            set_variable(target, *variable, context, &mut destination)
                .map_err(|reason| target.refused(reason))?;
        }
        if let Some(expressions) = &mut self.expressions {
            expressions.evaluate(document, &mut destination)?;
        }
        match self.required.iter().find(|target| matches!(cells.get(target.index), Cell::Absent)) {
            Some(target) => Err(target.missing()),
            None => Ok(()),
        }
    }
}

fn targets(fields: &[Field]) -> impl Iterator<Item = (&Field, Target)> {
    fields.iter().enumerate().map(|(index, field)| (field, Target::new(index, field)))
}

fn set_variable(
    target: &Target,
    variable: Variable,
    context: &MapContext<'_>,
    destination: &mut Destination<'_>,
) -> Result<(), Refusal> {
    let mut digits = itoa::Buffer::new();
    let scalar = match variable {
        Variable::FetchedAt => Scalar::Number(digits.format(context.fetched_at)),
        Variable::Offset => Scalar::Number(digits.format(context.offset)),
        Variable::Partition => Scalar::Number(digits.format(context.partition)),
        Variable::Key => match context.key {
            None => Scalar::Null,
            Some(key) if target.field_type == FieldType::Bytes => Scalar::Bytes(key),
            Some(key) => Scalar::Text(std::str::from_utf8(key).map_err(|_| Refusal::KeyNotUtf8)?),
        },
    };
    convert(target, &scalar, destination)
}

#[cfg(test)]
mod tests;
