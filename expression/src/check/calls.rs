//! Calls of functions and macros.

use super::{Checker, Form, Typed};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::functions::{self, Function};
use crate::kind::{Kinds, Type};
use crate::pattern::Pattern;
use crate::place::Place;
use crate::program::Node;
use crate::syntax::{Literal, Tree, TreeKind};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        target: Option<&Tree>,
        name: &str,
        arguments: &[Tree],
        form: Form,
        at: Place,
    ) -> Typed {
        let Some(target) = target else {
            if name == "has" {
                return self.has(arguments, at);
            }
            let function = functions::find(name).ok_or_else(|| unknown(name, at))?;
            return self.apply(function, arguments.iter(), form, at);
        };
        if let Some(function) = self.namespaced(target, name, at)? {
            return self.apply(function, arguments.iter(), form, at);
        }
        if let Some(walked) = self.walk(target, name, arguments, at) {
            return walked;
        }
        let function = functions::find(name).ok_or_else(|| unknown(name, at))?;
        self.apply(function, std::iter::once(target).chain(arguments), form, at)
    }

    /// The function of a namespace, like `math.abs`, where the target is one and no variable of a macro.
    fn namespaced(
        &self,
        target: &Tree,
        name: &str,
        at: Place,
    ) -> Result<Option<&'static Function>, ExpressionError> {
        let TreeKind::Name { name: namespace, .. } = &target.kind else { return Ok(None) };
        if self.local(namespace).is_some() {
            return Ok(None);
        }
        let full = format!("{namespace}.{name}");
        match functions::find(&full) {
            None if functions::find(name).is_none() && functions::is_namespace(namespace) => {
                Err(unknown(&full, at))
            }
            function => Ok(function),
        }
    }

    fn apply<'t>(
        &mut self,
        function: &'static Function,
        arguments: impl Iterator<Item = &'t Tree> + Clone,
        form: Form,
        at: Place,
    ) -> Typed {
        let count = arguments.clone().count();
        if !function.takes(count) {
            let expected = function.arity().into();
            return Err(ExpressionErrorKind::ArgumentCount { function: function.name, expected }.at(at));
        }
        let form = if function.passes_on { form } else { Form::Double };
        let (mut nodes, mut types) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (position, argument) in arguments.clone().enumerate() {
            let (node, of) = self.check(argument, form)?;
            taken(function, position, of, argument.at)?;
            nodes.push(node);
            types.push(of);
        }
        let pattern = self.pattern(function, arguments)?;
        let result = function.result(&types);
        Ok((Node::Call { function, arguments: nodes.into(), pattern, at }, result))
    }

    /// The pattern of a call, if it is a literal.
    fn pattern<'t>(
        &mut self,
        function: &'static Function,
        mut arguments: impl Iterator<Item = &'t Tree>,
    ) -> Result<Option<Box<Pattern>>, ExpressionError> {
        let Some(argument) = function.pattern.and_then(|position| arguments.nth(position)) else {
            return Ok(None);
        };
        let TreeKind::Literal(Literal::Text(source)) = &argument.kind else { return Ok(None) };
        let pattern = Pattern::new(source, self.patterns)
            .map_err(|error| ExpressionErrorKind::Pattern(error.reason()).at(argument.at))?;
        self.patterns = self.patterns.saturating_sub(pattern.weight());
        Ok(Some(Box::new(pattern)))
    }
}

/// Whether a function takes an argument of a type.
fn taken(function: &'static Function, position: usize, of: Type, at: Place) -> Result<(), ExpressionError> {
    let takes = function.parameter(position);
    let nothing = function.takes_nothing && of.kinds.overlaps(Kinds::NULL);
    if !nothing && !of.kinds.overlaps(takes) {
        return Err(ExpressionErrorKind::Argument { function: function.name, takes, found: of.kinds }.at(at));
    }
    let elements = function.elements;
    if position == 0 && of.kinds.within(Kinds::LIST) && !of.element.overlaps(elements) {
        let (function, found) = (function.name, of.element);
        return Err(ExpressionErrorKind::Elements { function, takes: elements, found }.at(at));
    }
    Ok(())
}

#[cold]
fn unknown(name: &str, at: Place) -> ExpressionError {
    let suggestion = functions::suggestion(name);
    ExpressionErrorKind::UnknownFunction { name: name.into(), suggestion }.at(at)
}
