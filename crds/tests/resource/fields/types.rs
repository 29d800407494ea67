//! The types of fields, methods and functions, as far as the usage of fields needs them.
//!
//! A type stands for what it contains: `&Option<Box<Topic>>` is `Topic`. So methods of references, options, lists and
//! iterators do not change the type of an expression.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use syn::{
    Fields, FnArg, GenericArgument, Ident, ImplItem, Item, PathArguments, ReturnType, Signature, Type,
    TypeParamBound, Visibility,
};

use super::sources::{SourceFile, Sources};

/// A struct, an enum, or a variant of an enum (`Cadence::Continuous`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeId {
    package: &'static str,
    module: Vec<String>,
    name: String,
}

/// A field of a struct or of a variant; one of a tuple has its index for a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Field {
    pub(super) owner: TypeId,
    pub(super) name: String,
}

/// The type of an expression.
#[derive(Clone, Debug)]
pub(super) enum Ty {
    Named(TypeId),
    Tuple(Vec<Option<Ty>>),
}

/// The types of the sources.
#[derive(Default)]
pub(super) struct Types {
    /// The types of all fields.
    fields: BTreeMap<Field, Option<Ty>>,
    /// The public fields.
    public: BTreeSet<Field>,
    variants: HashMap<TypeId, Vec<TypeId>>,
    methods: HashMap<(TypeId, String), Option<Ty>>,
    functions: HashMap<String, Option<Ty>>,
    /// The modules that the root of `crds` exports under other paths.
    exports: HashMap<String, Vec<String>>,
}

impl TypeId {
    fn declared(file: &SourceFile, name: &Ident) -> Self {
        Self { package: file.package, module: file.module.clone(), name: name.to_string() }
    }

    /// The variant of this enum.
    pub(super) fn variant(&self, name: &str) -> Self {
        Self { name: format!("{}::{name}", self.name), ..self.clone() }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.owner.name, self.name)
    }
}

impl Ty {
    pub(super) fn id(&self) -> Option<&TypeId> {
        match self {
            Self::Named(id) => Some(id),
            Self::Tuple(_) => None,
        }
    }
}

impl Types {
    /// The types that the sources declare.
    pub(super) fn of(sources: &Sources) -> Self {
        let mut types = Self::default();
        for file in &sources.files {
            file.items.iter().for_each(|item| types.declare(file, item));
            if file.package == "crds" && file.module.is_empty() {
                let exports = file.imports.iter();
                types.exports = exports.map(|(name, import)| (name.clone(), import.full_path())).collect();
            }
        }
        // Signatures and fields name types that are declared anywhere.
        let mut complete =
            Self { variants: types.variants.clone(), exports: types.exports.clone(), ..Self::default() };
        complete.public.clone_from(&types.public);
        for file in &sources.files {
            file.items.iter().for_each(|item| complete.describe(file, item, &types));
        }
        complete
    }

    /// The type of a field.
    pub(super) fn field(&self, owner: &TypeId, name: &str) -> Option<Ty> {
        self.fields.get(&Field { owner: owner.clone(), name: name.to_owned() }).cloned().flatten()
    }

    /// The result of a method; `None` where the type has no such method.
    pub(super) fn method(&self, owner: &TypeId, name: &str) -> Option<Option<Ty>> {
        self.methods.get(&(owner.clone(), name.to_owned())).cloned()
    }

    /// The result of a function.
    pub(super) fn function(&self, name: &str) -> Option<Ty> {
        self.functions.get(name).cloned().flatten()
    }

    /// The declared type of this name in a package that a path leads to. Types may be exported by modules above their
    /// own.
    fn find(&self, package: &str, name: &str, module: &[String], own: &[String]) -> Option<TypeId> {
        let named = self.variants.keys().filter(|id| id.package == package && id.name == name);
        let closeness = |id: &&TypeId| {
            let is_export = !module.is_empty() && id.module.starts_with(module);
            (id.module == module, is_export, id.module == own, std::cmp::Reverse((*id).clone()))
        };
        named.max_by_key(closeness).cloned()
    }

    /// The public fields of a type of `crds`, and of the types of these fields, and so on.
    pub(super) fn fields_from(&self, root: &str) -> BTreeSet<Field> {
        let mut found = BTreeSet::new();
        let mut open: Vec<TypeId> = self.find("crds", root, &[], &[]).into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            open.extend(self.variants.get(&id).into_iter().flatten().cloned());
            for field in self.public.iter().filter(|field| field.owner == id) {
                let is_position = field.name.chars().all(|character| character.is_ascii_digit());
                if !is_position {
                    found.insert(field.clone());
                }
                open.extend(self.fields.get(field).and_then(|ty| ty.as_ref()?.id().cloned()));
            }
        }
        found
    }

    fn declare(&mut self, file: &SourceFile, item: &Item) {
        match item {
            Item::Struct(item) => {
                let id = TypeId::declared(file, &item.ident);
                self.publish(&id, &item.fields, false);
                self.variants.entry(id).or_default();
            }
            Item::Enum(item) => {
                let id = TypeId::declared(file, &item.ident);
                for variant in &item.variants {
                    let variant_id = id.variant(&variant.ident.to_string());
                    self.publish(&variant_id, &variant.fields, true);
                    self.variants.entry(id.clone()).or_default().push(variant_id);
                }
            }
            _ => {}
        }
    }

    fn publish(&mut self, owner: &TypeId, fields: &Fields, is_variant: bool) {
        for (name, field) in named(fields) {
            if is_variant || matches!(field.vis, Visibility::Public(_)) {
                self.public.insert(Field { owner: owner.clone(), name });
            }
        }
    }

    fn describe(&mut self, file: &SourceFile, item: &Item, declared: &Self) {
        let resolver = Resolver { file, declared, own: None };
        match item {
            Item::Struct(item) => {
                let id = TypeId::declared(file, &item.ident);
                self.describe_fields(&id, &item.fields, &resolver);
            }
            Item::Enum(item) => {
                let id = TypeId::declared(file, &item.ident);
                for variant in &item.variants {
                    self.describe_fields(&id.variant(&variant.ident.to_string()), &variant.fields, &resolver);
                }
            }
            Item::Fn(item) => {
                self.functions.insert(item.sig.ident.to_string(), resolver.result(&item.sig));
            }
            Item::Impl(item) => {
                let Some(Ty::Named(own)) = resolver.resolve(&item.self_ty) else { return };
                let resolver = Resolver { own: Some(own.clone()), ..resolver };
                for item in &item.items {
                    if let ImplItem::Fn(method) = item {
                        let key = (own.clone(), method.sig.ident.to_string());
                        self.methods.insert(key, resolver.result(&method.sig));
                    }
                }
            }
            _ => {}
        }
    }

    fn describe_fields(&mut self, owner: &TypeId, fields: &Fields, resolver: &Resolver<'_>) {
        for (name, field) in named(fields) {
            self.fields.insert(Field { owner: owner.clone(), name }, resolver.resolve(&field.ty));
        }
    }
}

fn named(fields: &Fields) -> impl Iterator<Item = (String, &syn::Field)> {
    fields.iter().enumerate().map(|(index, field)| {
        (field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string), field)
    })
}

/// Resolves types within a file.
#[derive(Clone)]
pub(super) struct Resolver<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) declared: &'a Types,
    /// `Self`.
    pub(super) own: Option<TypeId>,
}

impl Resolver<'_> {
    /// The type that a written type stands for; `None` for one that the sources do not declare.
    pub(super) fn resolve(&self, ty: &Type) -> Option<Ty> {
        match ty {
            Type::Reference(ty) => self.resolve(&ty.elem),
            Type::Paren(ty) => self.resolve(&ty.elem),
            Type::Group(ty) => self.resolve(&ty.elem),
            Type::Slice(ty) => self.resolve(&ty.elem),
            Type::Array(ty) => self.resolve(&ty.elem),
            Type::Tuple(ty) => Some(Ty::Tuple(ty.elems.iter().map(|ty| self.resolve(ty)).collect())),
            Type::ImplTrait(ty) => ty.bounds.iter().find_map(|bound| match bound {
                TypeParamBound::Trait(bound) => {
                    self.contained(&bound.path.segments.last()?.arguments).last().cloned()
                }
                _ => None,
            }),
            Type::Path(ty) => {
                let last = ty.path.segments.last()?;
                let contained = match last.ident.to_string().as_str() {
                    "Result" => self.contained(&last.arguments).first().cloned(),
                    _ => self.contained(&last.arguments).last().cloned(),
                };
                contained.or_else(|| self.path(&ty.path).map(Ty::Named))
            }
            _ => None,
        }
    }

    /// The declared types among generic arguments.
    fn contained(&self, arguments: &PathArguments) -> Vec<Ty> {
        let PathArguments::AngleBracketed(arguments) = arguments else { return Vec::new() };
        let resolved = arguments.args.iter().filter_map(|argument| match argument {
            GenericArgument::Type(ty) => self.resolve(ty),
            GenericArgument::AssocType(ty) => self.resolve(&ty.ty),
            _ => None,
        });
        resolved.collect()
    }

    /// The declared type at a path.
    pub(super) fn path(&self, path: &syn::Path) -> Option<TypeId> {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.names(&names)
    }

    /// The declared type with these segments of a path.
    pub(super) fn names(&self, names: &[String]) -> Option<TypeId> {
        let first = names.first()?;
        if first == "Self" && names.len() == 1 {
            return self.own.clone();
        }
        // A single name may be imported; of a longer path the first segment may be.
        let path = match self.file.imports.get(first) {
            Some(import) => [&import.full_path(), names.get(1..)?].concat(),
            None => names.to_vec(),
        };
        let (name, module) = path.split_last()?;
        let own = &self.file.module;
        let (package, module) = match module.split_first() {
            Some((root, rest)) if root == "userstream_crds" => ("crds", self.exported(rest)),
            Some((root, rest)) if root == "userstream_worker" => ("worker", rest.to_vec()),
            Some((root, rest)) if root == "crate" => (self.file.package, rest.to_vec()),
            _ => (self.file.package, own.clone()),
        };
        let declared = self.declared.find(package, name, &module, own);
        // A crate may export types of `crds`.
        declared.or_else(|| self.declared.find("crds", name, &module, own))
    }

    /// The module of `crds` that a path outside of it leads to.
    fn exported(&self, path: &[String]) -> Vec<String> {
        match path.split_first() {
            Some((first, rest)) => {
                let module = self.declared.exports.get(first).cloned();
                [module.unwrap_or_else(|| vec![first.clone()]), rest.to_vec()].concat()
            }
            None => Vec::new(),
        }
    }

    fn result(&self, signature: &Signature) -> Option<Ty> {
        match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => self.resolve(ty),
        }
    }

    /// The type of a parameter.
    pub(super) fn parameter(&self, argument: &FnArg) -> Option<Ty> {
        match argument {
            FnArg::Receiver(_) => self.own.clone().map(Ty::Named),
            FnArg::Typed(argument) => self.resolve(&argument.ty),
        }
    }
}
