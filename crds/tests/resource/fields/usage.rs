//! Which fields the sources read and write.

use std::collections::{BTreeSet, HashMap};

use syn::{ImplItem, Item};

use super::reader::Reader;
use super::sources::{SourceFile, Sources};
use super::types::{Field, Resolver, TypeId, Types};

/// The fields that crates read and write outside of their tests.
#[derive(Default)]
pub(super) struct Usage {
    /// Read by a field access or a pattern. A method of the model reads for its caller.
    pub(super) reads: BTreeSet<Field>,
    /// Written by a constructor or an assignment.
    pub(super) writes: BTreeSet<Field>,
}

impl Usage {
    /// The usage by these crates.
    pub(super) fn of(sources: &Sources, types: &Types, packages: &[&str]) -> Self {
        let mut methods = HashMap::new();
        for file in sources.files.iter().filter(|file| file.package == "crds") {
            visit_functions(file, types, &HashMap::new(), |own, name, usage| {
                if let Some(own) = own {
                    methods.insert((own, name), usage.reads);
                }
            });
        }
        let mut all = Self::default();
        for file in sources.files.iter().filter(|file| packages.contains(&file.package)) {
            visit_functions(file, types, &methods, |_, _, usage| {
                all.reads.extend(usage.reads);
                all.writes.extend(usage.writes);
            });
        }
        all
    }
}

/// The fields that methods read, by type and name.
pub(super) type MethodReads = HashMap<(TypeId, String), BTreeSet<Field>>;

/// Visits the functions of a file, each with its usage.
fn visit_functions(
    file: &SourceFile,
    types: &Types,
    methods: &MethodReads,
    mut each: impl FnMut(Option<TypeId>, String, Usage),
) {
    let resolver = Resolver { file, declared: types, own: None };
    for item in &file.items {
        match item {
            Item::Fn(function) => {
                let usage = Reader::new(resolver.clone(), methods).run(&function.sig, &function.block);
                each(None, function.sig.ident.to_string(), usage);
            }
            Item::Impl(item) => {
                let own = resolver.resolve(&item.self_ty).and_then(|ty| ty.id().cloned());
                for function in &item.items {
                    if let ImplItem::Fn(function) = function {
                        let resolver = Resolver { own: own.clone(), ..resolver.clone() };
                        let usage = Reader::new(resolver, methods).run(&function.sig, &function.block);
                        each(own.clone(), function.sig.ident.to_string(), usage);
                    }
                }
            }
            _ => {}
        }
    }
}
