//! The fields that a function reads and writes, by inference of the types of its expressions.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Arm, Block, Expr, ExprAssign, ExprClosure, ExprForLoop, ExprIf, ExprMatch, ExprMethodCall, ExprStruct,
    FnArg, Local, Macro, Member, Pat, Signature,
};

use super::bindings::{Bindings, constructed};
use super::types::{Field, Resolver, Ty};
use super::usage::{MethodReads, Usage};

/// Infers the types of expressions, and collects the fields that they read and write.
pub(super) struct Reader<'a> {
    resolver: Resolver<'a>,
    methods: &'a MethodReads,
    bindings: Bindings,
    usage: Usage,
    /// The type of the expression that was visited last.
    ty: Option<Ty>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(resolver: Resolver<'a>, methods: &'a MethodReads) -> Self {
        Self { resolver, methods, bindings: Bindings::default(), usage: Usage::default(), ty: None }
    }

    /// The usage by a function.
    pub(super) fn run(mut self, signature: &Signature, block: &Block) -> Usage {
        self.bindings.enter();
        for argument in &signature.inputs {
            let ty = self.resolver.parameter(argument);
            match argument {
                FnArg::Receiver(_) => self.bindings.insert("self", ty),
                FnArg::Typed(argument) => self.bind(&argument.pat, ty),
            }
        }
        self.visit_block(block);
        self.usage
    }

    fn bind(&mut self, pattern: &Pat, ty: Option<Ty>) {
        let read = self.bindings.bind(pattern, ty, &self.resolver);
        self.usage.reads.extend(read);
    }

    fn infer(&mut self, expression: &Expr) -> Option<Ty> {
        self.ty = None;
        self.visit_expr(expression);
        self.ty.take()
    }

    fn read(&mut self, owner: Option<&Ty>, name: &str) -> Option<Ty> {
        if let Some(Ty::Tuple(parts)) = owner {
            return parts.get(name.parse::<usize>().ok()?).cloned().flatten();
        }
        let owner = owner?.id()?;
        self.usage.reads.insert(Field { owner: owner.clone(), name: name.to_owned() });
        self.resolver.declared.field(owner, name)
    }

    /// A closure whose parameters have the type of what a method is called on.
    fn closure(&mut self, closure: &ExprClosure, ty: Option<&Ty>) -> Option<Ty> {
        self.bindings.enter();
        for parameter in &closure.inputs {
            self.bind(parameter, ty.cloned());
        }
        let result = self.infer(&closure.body);
        self.bindings.leave();
        result
    }

    /// The chains of fields in the tokens of a macro: `pipeline.topic.name`.
    fn tokens(&mut self, tokens: &[String]) {
        let mut position = 0;
        while let Some(token) = tokens.get(position) {
            position += 1;
            let mut ty = self.bindings.get(token);
            while ty.is_some() && tokens.get(position).is_some_and(|token| token == ".") {
                let Some(name) = tokens.get(position + 1) else { return };
                ty = match ty.as_ref().and_then(Ty::id).and_then(|id| self.resolver.declared.method(id, name))
                {
                    Some(result) if tokens.get(position + 2).is_some_and(|token| token == "(") => result,
                    _ => self.read(ty.as_ref(), name).or(ty),
                };
                position += 2;
            }
        }
    }

    /// An expression without a value of interest.
    fn statement(&mut self, expression: &Expr) {
        match expression {
            Expr::Let(expression) => {
                let ty = self.infer(&expression.expr);
                self.bind(&expression.pat, ty);
            }
            Expr::ForLoop(expression) => self.iterate(expression),
            Expr::Assign(expression) => self.assign(expression),
            other => visit::visit_expr(self, other),
        }
    }

    fn path(&self, path: &syn::Path) -> Option<Ty> {
        match path.get_ident() {
            Some(name) => self.bindings.get(&name.to_string()),
            // A variant without a payload, or a constant.
            None => constructed(path, &self.resolver).map(Ty::Named),
        }
    }

    fn method_call(&mut self, call: &ExprMethodCall) -> Option<Ty> {
        let receiver = self.infer(&call.receiver);
        let name = call.method.to_string();
        let mut mapped = None;
        for argument in &call.args {
            mapped = match argument {
                Expr::Closure(closure) => self.closure(closure, receiver.as_ref()),
                argument => self.infer(argument),
            };
        }
        let Some(id) = receiver.as_ref().and_then(Ty::id) else { return receiver.or(mapped) };
        if let Some(result) = self.resolver.declared.method(id, &name) {
            let reads = self.methods.get(&(id.clone(), name));
            self.usage.reads.extend(reads.into_iter().flatten().cloned());
            return result;
        }
        match name.as_str() {
            "map" | "and_then" | "filter_map" | "flat_map" | "map_or" | "map_or_else" | "find_map"
            | "then" => mapped,
            _ => receiver,
        }
    }

    fn call(&mut self, function: &Expr, arguments: &[&Expr]) -> Option<Ty> {
        let types: Vec<Option<Ty>> = arguments.iter().map(|argument| self.infer(argument)).collect();
        let Expr::Path(function) = function else { return self.infer(function) };
        let names: Vec<String> =
            function.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let (name, owner) = names.split_last()?;
        if let Some(owner) = self.resolver.names(owner) {
            let declared = self.resolver.declared;
            return declared.method(&owner, name).unwrap_or_else(|| Some(Ty::Named(owner.variant(name))));
        }
        // `Some(value)`, `Box::new(value)` and `Arc::clone(&value)` stand for the value.
        self.resolver.declared.function(name).or_else(|| types.into_iter().next().flatten())
    }

    fn construct(&mut self, expression: &ExprStruct) -> Option<Ty> {
        let owner = constructed(&expression.path, &self.resolver);
        for field in &expression.fields {
            self.infer(&field.expr);
            let is_none = matches!(&field.expr, Expr::Path(path) if path.path.is_ident("None"));
            if let (Some(owner), Member::Named(name), false) = (&owner, &field.member, is_none) {
                self.usage.writes.insert(Field { owner: owner.clone(), name: name.to_string() });
            }
        }
        if let Some(rest) = &expression.rest {
            self.infer(rest);
        }
        owner.map(Ty::Named)
    }

    fn assign(&mut self, assignment: &ExprAssign) {
        self.infer(&assignment.right);
        let Expr::Field(target) = &*assignment.left else {
            self.infer(&assignment.left);
            return;
        };
        let owner = self.infer(&target.base);
        if let (Some(Ty::Named(owner)), Member::Named(name)) = (owner, &target.member) {
            self.usage.writes.insert(Field { owner, name: name.to_string() });
        }
    }

    fn select(&mut self, expression: &ExprMatch) -> Option<Ty> {
        let scrutinee = self.infer(&expression.expr);
        let mut result = None;
        for Arm { pat, body, .. } in &expression.arms {
            self.bindings.enter();
            match pat {
                Pat::Guard(pattern) => {
                    self.bind(&pattern.pat, scrutinee.clone());
                    self.infer(&pattern.guard);
                }
                pat => self.bind(pat, scrutinee.clone()),
            }
            result = self.infer(body).or(result);
            self.bindings.leave();
        }
        result
    }

    fn branch(&mut self, expression: &ExprIf) -> Option<Ty> {
        self.bindings.enter();
        self.infer(&expression.cond);
        let then = self.block(&expression.then_branch);
        self.bindings.leave();
        let otherwise = expression.else_branch.as_ref().and_then(|(_, expression)| self.infer(expression));
        then.or(otherwise)
    }

    fn block(&mut self, block: &Block) -> Option<Ty> {
        self.bindings.enter();
        self.ty = None;
        for statement in &block.stmts {
            self.ty = None;
            self.visit_stmt(statement);
        }
        self.bindings.leave();
        self.ty.take()
    }

    fn iterate(&mut self, expression: &ExprForLoop) {
        let element = self.infer(&expression.expr);
        self.bindings.enter();
        self.bind(&expression.pat, element);
        self.block(&expression.body);
        self.bindings.leave();
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        let ty = match expression {
            Expr::Path(expression) => self.path(&expression.path),
            Expr::Field(expression) => {
                let owner = self.infer(&expression.base);
                let name = match &expression.member {
                    Member::Named(name) => name.to_string(),
                    Member::Unnamed(index) => index.index.to_string(),
                };
                self.read(owner.as_ref(), &name)
            }
            Expr::MethodCall(expression) => self.method_call(expression),
            Expr::Call(expression) => {
                self.call(&expression.func, &expression.args.iter().collect::<Vec<_>>())
            }
            Expr::Struct(expression) => self.construct(expression),
            Expr::Tuple(expression) => {
                Some(Ty::Tuple(expression.elems.iter().map(|element| self.infer(element)).collect()))
            }
            Expr::Closure(expression) => self.closure(expression, None),
            Expr::Match(expression) => self.select(expression),
            Expr::If(expression) => self.branch(expression),
            Expr::Block(expression) => self.block(&expression.block),
            Expr::Async(expression) => self.block(&expression.block),
            Expr::Reference(expression) => self.infer(&expression.expr),
            Expr::Paren(expression) => self.infer(&expression.expr),
            Expr::Unary(expression) => self.infer(&expression.expr),
            Expr::Try(expression) => self.infer(&expression.expr),
            Expr::Await(expression) => self.infer(&expression.base),
            Expr::Index(expression) => {
                self.infer(&expression.index);
                self.infer(&expression.expr)
            }
            other => {
                self.statement(other);
                None
            }
        };
        self.ty = ty;
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let Some(init) = &local.init else { return };
        let ty = self.infer(&init.expr);
        if let Some((_, diverge)) = &init.diverge {
            self.infer(diverge);
        }
        self.bind(&local.pat, ty);
        self.ty = None;
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let mut tokens = Vec::new();
        flatten(item.tokens.clone(), &mut tokens);
        self.tokens(&tokens);
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                tokens.push("(".to_owned());
                flatten(group.stream(), tokens);
                tokens.push(")".to_owned());
            }
            tree => tokens.push(tree.to_string()),
        }
    }
}
