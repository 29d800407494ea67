//! Variables, members and elements.

use super::{Checker, Form, Typed};
use crate::error::{ExpressionError, ExpressionErrorKind};
use crate::kind::{Kinds, Type};
use crate::limits::MAX_PATH;
use crate::place::Place;
use crate::program::{Constant, Node};
use crate::scope::{MemberPath, Scope};
use crate::syntax::{Literal, RESERVED_WORDS, Tree, TreeKind};
use crate::value::TypeName;

/// The record as a variable.
const RECORD: &str = "self";
/// The context of a record, which is reserved.
const CONTEXT: &str = "ctx";

/// A path from the top of a record.
struct Path<'t> {
    names: Vec<&'t str>,
    /// Whether it contains an optional selection, `.?` or `[?]`.
    optional: bool,
}

impl Checker<'_> {
    /// A name, or what is selected from a value.
    pub(super) fn reference(&mut self, tree: &Tree) -> Typed {
        if let Some(path) = self.path(tree)? {
            let node = Node::Variable { variable: self.variable(&path.names, tree.at)?, at: tree.at };
            return Ok(if path.optional {
                (Node::Optional(Box::new(node)), Type { kinds: Kinds::OPTIONAL, element: Kinds::JSON })
            } else if path.names.is_empty() {
                (node, Type { kinds: Kinds::LIST | Kinds::MAP, element: Kinds::JSON })
            } else {
                (node, Type::JSON)
            });
        }
        match &tree.kind {
            TreeKind::Name { name, absolute } => self.name(name, *absolute, tree.at),
            TreeKind::Select { operand, member, optional } => {
                self.select(operand, member, *optional, tree.at)
            }
            TreeKind::Index { operand, index, optional } => self.index(operand, index, *optional, tree.at),
            _ => self.check(tree, Form::Double),
        }
    }

    /// The index of the variable at a path.
    pub(super) fn variable(&mut self, names: &[&str], at: Place) -> Result<usize, ExpressionError> {
        if names.len() > MAX_PATH {
            return Err(ExpressionErrorKind::PathTooLong.at(at));
        }
        if let Some(index) = self.variables.iter().position(|known| known.names().eq(names.iter().copied())) {
            return Ok(index);
        }
        self.variables.push(MemberPath::new(names.iter().copied()));
        Ok(self.variables.len() - 1)
    }

    /// The macro's variable of a name, and its type.
    pub(super) fn local(&self, name: &str) -> Option<(usize, Type)> {
        let position = self.locals.iter().rposition(|(local, _)| **local == *name)?;
        self.locals.get(position).map(|(_, of)| (position, *of))
    }

    /// The path that a tree is; none where it is something else.
    fn path<'t>(&self, tree: &'t Tree) -> Result<Option<Path<'t>>, ExpressionError> {
        if !matches!(self.scope, Scope::Record) {
            return Ok(None);
        }
        let (operand, name, optional) = match &tree.kind {
            TreeKind::Name { name, absolute } => {
                return match &**name {
                    name if !absolute && self.local(name).is_some() => Ok(None),
                    CONTEXT => Err(ExpressionErrorKind::ReservedVariable.at(tree.at)),
                    RECORD => Ok(Some(Path { names: Vec::new(), optional: false })),
                    name => Ok(Some(Path { names: vec![unescaped(name)], optional: false })),
                };
            }
            TreeKind::Select { operand, member, optional } => (operand, &**member, *optional),
            TreeKind::Index { operand, index, optional } => match &index.kind {
                TreeKind::Literal(Literal::Text(key)) => (operand, &**key, *optional),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Some(mut path) = self.path(operand)? else { return Ok(None) };
        path.names.push(name);
        path.optional |= optional;
        Ok(Some(path))
    }

    /// A name that is no member of a record.
    fn name(&mut self, name: &str, absolute: bool, at: Place) -> Typed {
        if let Some((position, of)) = self.local(name).filter(|_| !absolute) {
            return Ok((Node::Local(position), of));
        }
        match self.field(unescaped(name)) {
            Some(of) => {
                let variable = self.variable(&[unescaped(name)], at)?;
                Ok((Node::Variable { variable, at }, of))
            }
            None => match TypeName::of_name(name) {
                Some(name) => Ok((Node::Constant(Constant::Type(name)), Type::of(Kinds::TYPE))),
                None => Err(self.unknown_field(name, at)),
            },
        }
    }

    /// The type of a declared field. It may be absent, which is null.
    fn field(&self, name: &str) -> Option<Type> {
        let Scope::Fields(fields) = self.scope else { return None };
        let (_, kinds) = fields.iter().find(|(field, _)| *field == name)?;
        Some(Type::of(*kinds))
    }

    #[cold]
    fn unknown_field(&self, name: &str, at: Place) -> ExpressionError {
        let fields = if let Scope::Fields(fields) = self.scope { fields } else { &[] };
        let likeness = |field: &str| strsim::jaro_winkler(name, field);
        let best = fields
            .iter()
            .map(|(field, _)| *field)
            .max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
        let suggestion = best.filter(|field| likeness(field) > 0.8).map(Box::from);
        ExpressionErrorKind::UnknownName { name: name.into(), suggestion }.at(at)
    }

    fn select(&mut self, operand: &Tree, member: &str, optional: bool, at: Place) -> Typed {
        if let Some(of) = self.own_member(operand, member) {
            let variable = self.variable(&[member], at)?;
            return Ok((Node::Variable { variable, at }, of));
        }
        if self.is_record(operand) {
            return Err(self.unknown_field(member, at));
        }
        let (node, of) = self.check(operand, Form::Double)?;
        if !of.kinds.overlaps(Kinds::MAP | Kinds::OPTIONAL) {
            return Err(ExpressionErrorKind::NoMembers(of.kinds).at(at));
        }
        let node = Node::Select { operand: Box::new(node), member: member.into(), optional, at };
        Ok((node, selected(of, optional)))
    }

    /// The type of the field that `self.field` is, where fields are declared.
    fn own_member(&self, operand: &Tree, member: &str) -> Option<Type> {
        self.is_record(operand).then(|| self.field(member)).flatten()
    }

    /// Whether a tree is `self` where fields are declared and none has this name.
    fn is_record(&self, tree: &Tree) -> bool {
        matches!(&tree.kind, TreeKind::Name { name, .. } if **name == *RECORD && self.local(RECORD).is_none())
            && matches!(self.scope, Scope::Fields(_))
            && self.field(RECORD).is_none()
    }

    fn index(&mut self, operand: &Tree, index: &Tree, optional: bool, at: Place) -> Typed {
        let (operand_node, of) = self.check(operand, Form::Double)?;
        let (index_node, of_index) = self.check(index, Form::Double)?;
        if !of.kinds.overlaps(Kinds::LIST | Kinds::MAP | Kinds::OPTIONAL) {
            return Err(ExpressionErrorKind::NoElements(of.kinds).at(at));
        }
        let negative = matches!(index.kind, TreeKind::Literal(Literal::Int(index)) if index < 0);
        if negative && of.kinds.overlaps(Kinds::LIST) {
            return Err(ExpressionErrorKind::NegativeIndex.at(index.at));
        }
        let indexes = |kind: Kinds, index: Kinds| of.kinds.overlaps(kind) && of_index.kinds.overlaps(index);
        let known = indexes(Kinds::LIST, Kinds::NUMBER)
            || indexes(Kinds::MAP, Kinds::KEY | Kinds::NUMBER)
            || of.kinds.overlaps(Kinds::OPTIONAL);
        if !known {
            let (left, right) = (of.kinds, of_index.kinds);
            return Err(ExpressionErrorKind::Operands { operator: "[]", left, right }.at(at));
        }
        let node = Node::Index { operand: Box::new(operand_node), index: Box::new(index_node), optional, at };
        Ok((node, selected(of, optional)))
    }

    /// The macro `has`: a member, or a variable.
    pub(super) fn has(&mut self, arguments: &[Tree], at: Place) -> Typed {
        let [argument] = arguments else {
            let expected = "one argument, for example has(self.id)".into();
            return Err(ExpressionErrorKind::ArgumentCount { function: "has", expected }.at(at));
        };
        let boolean = Type::of(Kinds::BOOL);
        if let Some(path) = self.path(argument)? {
            let variable = self.variable(&path.names, at)?;
            return Ok((Node::HasVariable { variable, at }, boolean));
        }
        match &argument.kind {
            TreeKind::Name { name, absolute } if *absolute || self.local(name).is_none() => {
                if self.field(unescaped(name)).is_none() {
                    return Err(self.unknown_field(name, argument.at));
                }
                let variable = self.variable(&[unescaped(name)], at)?;
                Ok((Node::HasVariable { variable, at }, boolean))
            }
            TreeKind::Select { operand, member, .. } => {
                if self.own_member(operand, member).is_some() {
                    let variable = self.variable(&[member], at)?;
                    return Ok((Node::HasVariable { variable, at }, boolean));
                }
                if self.is_record(operand) {
                    return Err(self.unknown_field(member, argument.at));
                }
                let (node, of) = self.check(operand, Form::Double)?;
                if !of.kinds.overlaps(Kinds::MAP | Kinds::OPTIONAL) {
                    return Err(ExpressionErrorKind::NoMembers(of.kinds).at(argument.at));
                }
                Ok((Node::Has { operand: Box::new(node), member: member.clone(), at }, boolean))
            }
            _ => Err(ExpressionErrorKind::HasMember.at(argument.at)),
        }
    }
}

/// The type of what is selected from a value.
fn selected(of: Type, optional: bool) -> Type {
    if optional || of.kinds.within(Kinds::OPTIONAL) {
        let element = if of.element.within(Kinds::JSON) { Kinds::JSON } else { Kinds::ANY };
        let element = if of.kinds.overlaps(Kinds::OPTIONAL) { element } else { of.element };
        return Type { kinds: Kinds::OPTIONAL, element };
    }
    let element = of.of_element();
    if of.kinds.overlaps(Kinds::OPTIONAL) {
        Type { kinds: element.kinds | Kinds::OPTIONAL, element: Kinds::ANY }
    } else {
        element
    }
}

/// The name of a variable: a reserved word is written between underscores.
fn unescaped(name: &str) -> &str {
    let word = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    word.filter(|word| RESERVED_WORDS.contains(word)).unwrap_or(name)
}

/// The type that a name like `int` or `google.protobuf.Timestamp` means where a type is expected.
pub(super) fn type_name(tree: &Tree) -> Option<TypeName> {
    fn dotted(tree: &Tree, out: &mut String) -> Option<()> {
        match &tree.kind {
            TreeKind::Name { name, .. } => out.push_str(name),
            TreeKind::Select { operand, member, optional: false } => {
                dotted(operand, out)?;
                out.push('.');
                out.push_str(member);
            }
            _ => return None,
        }
        Some(())
    }
    let mut name = String::new();
    dotted(tree, &mut name)?;
    TypeName::of_name(&name)
}
