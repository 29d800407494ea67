//! The macros that bind a variable.

use super::{Checker, Form, Typed};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::kind::{Kinds, Type};
use crate::place::Place;
use crate::program::{Loop, LoopKind, Node};
use crate::syntax::{Tree, TreeKind};

use Kinds as K;

impl Checker<'_> {
    /// A macro with its target, where the name is that of one.
    pub(super) fn walk(&mut self, target: &Tree, name: &str, arguments: &[Tree], at: Place) -> Option<Typed> {
        let (name, least, most) = match name {
            "all" => ("all", 2, 2),
            "exists" => ("exists", 2, 2),
            "exists_one" | "existsOne" => ("exists_one", 2, 2),
            "filter" => ("filter", 2, 2),
            "map" => ("map", 2, 3),
            "optMap" => ("optMap", 2, 2),
            "optFlatMap" => ("optFlatMap", 2, 2),
            _ => return None,
        };
        if !(least..=most).contains(&arguments.len()) {
            let expected = "a variable and an expression, for example list.all(x, x > 0)".into();
            return Some(Err(ExpressionErrorKind::ArgumentCount { function: name, expected }.at(at)));
        }
        Some(self.walked(target, name, arguments, at))
    }

    fn walked(&mut self, target: &Tree, name: &'static str, arguments: &[Tree], at: Place) -> Typed {
        let (range, of_range) = self.check(target, Form::Double)?;
        let optional = matches!(name, "optMap" | "optFlatMap");
        let takes = if optional { K::OPTIONAL } else { K::LIST | K::MAP };
        if !of_range.kinds.overlaps(takes) {
            let found = of_range.kinds;
            return Err(ExpressionErrorKind::Argument { function: name, takes, found }.at(at));
        }
        let (variable, conditions, body) = parts(name, arguments, at)?;
        self.locals.push((variable, element(of_range, optional)));
        let parts = self.in_loop(name, conditions, body);
        self.locals.pop();
        let (condition, (body, of_body)) = parts?;
        let (kind, result) = match name {
            "all" => (LoopKind::All, Type::of(K::BOOL)),
            "exists" => (LoopKind::Exists, Type::of(K::BOOL)),
            "exists_one" => (LoopKind::ExistsOne, Type::of(K::BOOL)),
            "filter" => (LoopKind::Filter, Type::list(element(of_range, optional).kinds)),
            "map" => (LoopKind::Map { condition }, Type::list(of_body.kinds)),
            "optMap" => (LoopKind::OptionalMap, Type { kinds: K::OPTIONAL, element: of_body.kinds }),
            _ => (LoopKind::OptionalFlatMap, of_body),
        };
        Ok((Node::Loop(Box::new(Loop { kind, range, body, at })), result))
    }

    /// The condition, if there is one, and the body, with the variable bound.
    fn in_loop(
        &mut self,
        name: &'static str,
        condition: Option<&Tree>,
        body: &Tree,
    ) -> Result<(Option<Node>, (Node, Type)), ExpressionError> {
        let condition = condition.map(|condition| self.condition(name, condition)).transpose()?;
        let (node, of) = self.check(body, Form::Decimal)?;
        let takes = match name {
            "all" | "exists" | "exists_one" | "filter" => K::BOOL,
            "optFlatMap" => K::OPTIONAL,
            _ => K::ANY,
        };
        if !of.kinds.overlaps(takes) {
            return Err(ExpressionErrorKind::Argument { function: name, takes, found: of.kinds }.at(body.at));
        }
        Ok((condition, (node, of)))
    }

    fn condition(&mut self, name: &'static str, condition: &Tree) -> Result<Node, ExpressionError> {
        let (node, of) = self.check(condition, Form::Double)?;
        if !of.kinds.overlaps(K::BOOL) {
            let kind = ExpressionErrorKind::Argument { function: name, takes: K::BOOL, found: of.kinds };
            return Err(kind.at(condition.at));
        }
        Ok(node)
    }
}

type Parts<'t> = (Box<str>, Option<&'t Tree>, &'t Tree);

/// The variable, the condition of a map, and the body.
fn parts<'t>(name: &'static str, arguments: &'t [Tree], at: Place) -> Result<Parts<'t>, ExpressionError> {
    let (variable, condition, body) = match arguments {
        [variable, body] => (variable, None, body),
        [variable, condition, body] => (variable, Some(condition), body),
        _ => return Err(ExpressionErrorKind::MacroVariable(name).at(at)),
    };
    match &variable.kind {
        TreeKind::Name { name, absolute: false } => Ok((name.clone(), condition, body)),
        _ => Err(ExpressionErrorKind::MacroVariable(name).at(variable.at)),
    }
}

/// The type of the macro's variable: an element of a list, a key of a map, or the value of an optional.
fn element(range: Type, optional: bool) -> Type {
    if optional {
        return range.of_element();
    }
    let mut element = if range.kinds.overlaps(K::LIST) { range.of_element() } else { Type::of(K::NONE) };
    if range.kinds.overlaps(K::MAP) {
        let json = range.element.within(K::JSON);
        let keys = if json && range.kinds.overlaps(K::LIST) { K::STRING } else { K::KEY };
        element = Type { kinds: element.kinds | keys, ..element };
    }
    element
}
