//! The variables in scope, and the patterns that bind them.

use std::collections::HashMap;

use syn::{FieldPat, Member, Pat, Path};

use super::types::{Field, Resolver, Ty, TypeId};

/// The types of the variables in scope.
#[derive(Default)]
pub(super) struct Bindings {
    scopes: Vec<HashMap<String, Option<Ty>>>,
}

impl Bindings {
    pub(super) fn enter(&mut self) {
        self.scopes.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Binds a variable.
    pub(super) fn insert(&mut self, name: &str, ty: Option<Ty>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), ty);
        }
    }

    /// The type of a variable; `None` for one that is not in scope or of another type.
    pub(super) fn get(&self, name: &str) -> Option<Ty> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).cloned().flatten()
    }

    /// Binds the variables of a pattern for a value of this type. Returns the fields that the pattern reads.
    pub(super) fn bind(&mut self, pattern: &Pat, ty: Option<Ty>, resolver: &Resolver<'_>) -> Vec<Field> {
        let mut read = Vec::new();
        self.bind_into(pattern, ty, resolver, &mut read);
        read
    }

    fn bind_into(&mut self, pattern: &Pat, ty: Option<Ty>, resolver: &Resolver<'_>, read: &mut Vec<Field>) {
        match pattern {
            Pat::Ident(pattern) => {
                if let Some((_, inner)) = &pattern.subpat {
                    self.bind_into(inner, ty.clone(), resolver, read);
                }
                self.insert(&pattern.ident.to_string(), ty);
            }
            Pat::Reference(pattern) => self.bind_into(&pattern.pat, ty, resolver, read),
            Pat::Paren(pattern) => self.bind_into(&pattern.pat, ty, resolver, read),
            Pat::Type(pattern) => {
                let ty = resolver.resolve(&pattern.ty).or(ty);
                self.bind_into(&pattern.pat, ty, resolver, read);
            }
            Pat::Or(pattern) => {
                pattern.cases.iter().for_each(|case| self.bind_into(case, ty.clone(), resolver, read));
            }
            Pat::Slice(pattern) => {
                pattern.elems.iter().for_each(|element| self.bind_into(element, ty.clone(), resolver, read));
            }
            Pat::Tuple(pattern) => {
                for (index, element) in pattern.elems.iter().enumerate() {
                    let ty = match &ty {
                        Some(Ty::Tuple(parts)) => parts.get(index).cloned().flatten(),
                        other => other.clone(),
                    };
                    self.bind_into(element, ty, resolver, read);
                }
            }
            Pat::TupleStruct(pattern) => {
                let owner = constructed(&pattern.path, resolver);
                for (index, element) in pattern.elems.iter().enumerate() {
                    // `Some(value)` and `Ok(value)` contain what the option or result stands for.
                    let part = owner.as_ref().map_or_else(
                        || ty.clone(),
                        |owner| resolver.declared.field(owner, &index.to_string()),
                    );
                    self.bind_into(element, part, resolver, read);
                }
            }
            Pat::Struct(pattern) => {
                let owner = constructed(&pattern.path, resolver);
                for field in &pattern.fields {
                    self.bind_field(owner.as_ref(), field, resolver, read);
                }
            }
            _ => {}
        }
    }

    fn bind_field(
        &mut self,
        owner: Option<&TypeId>,
        field: &FieldPat,
        resolver: &Resolver<'_>,
        read: &mut Vec<Field>,
    ) {
        let Member::Named(name) = &field.member else { return };
        let name = name.to_string();
        let ty = owner.and_then(|owner| resolver.declared.field(owner, &name));
        if let Some(owner) = owner.filter(|_| !matches!(*field.pat, Pat::Wild(_))) {
            read.push(Field { owner: owner.clone(), name });
        }
        self.bind_into(&field.pat, ty, resolver, read);
    }
}

/// The struct or variant that a path constructs.
pub(super) fn constructed(path: &Path, resolver: &Resolver<'_>) -> Option<TypeId> {
    let mut names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let variant = names.pop().filter(|_| names.last().is_some_and(|name| starts_upper(name)));
    match variant {
        Some(variant) => resolver.names(&names).map(|id| id.variant(&variant)),
        None => resolver.path(path),
    }
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}
