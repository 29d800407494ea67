//! The names in a compiled expression.

use std::collections::BTreeSet;

use kube_cel::cel::Context;
use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr};

use super::is_function;

/// The names in an expression.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Variables that it does not bind itself.
    pub(super) variables: BTreeSet<String>,
    /// Functions and operators.
    pub(super) functions: BTreeSet<String>,
    /// How many levels it has.
    pub(super) depth: usize,
    /// Whether it constructs a message, `Name{member: value}`.
    pub(super) constructs_message: bool,
}

/// Names of types, which are values in CEL.
const TYPES: [&str; 10] =
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"];

/// Collects the names. The depth is limited by the parser's own, so recursion is safe here.
pub(super) fn names(expression: &IdedExpr, functions: &Context<'static>) -> Names {
    let mut walk = Walk { functions, names: Names::default() };
    walk.collect(expression, &[], 1);
    walk.names
}

struct Walk<'w> {
    /// The functions that there are.
    functions: &'w Context<'static>,
    names: Names,
}

impl Walk<'_> {
    fn collect(&mut self, expression: &IdedExpr, bound: &[&str], depth: usize) {
        let names = &mut self.names;
        names.depth = names.depth.max(depth);
        let inner = depth + 1;
        match &expression.expr {
            Expr::Ident(name) => {
                if !bound.contains(&name.as_str()) && !TYPES.contains(&name.as_str()) {
                    names.variables.insert(name.clone());
                }
            }
            Expr::Call(call) => self.collect_call(call, bound, inner),
            Expr::Select(select) => self.collect(&select.operand, bound, inner),
            Expr::List(list) => list.elements.iter().for_each(|element| self.collect(element, bound, inner)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.collect_entry(entry, bound, inner)),
            Expr::Struct(record) => {
                names.constructs_message = true;
                record.entries.iter().for_each(|entry| self.collect_entry(entry, bound, inner));
            }
            Expr::Comprehension(walk) => {
                self.collect(&walk.iter_range, bound, inner);
                self.collect(&walk.accu_init, bound, inner);
                let second = walk.iter_var2.as_deref();
                let own = [walk.iter_var.as_str(), walk.accu_var.as_str()];
                let bound: Vec<&str> = bound.iter().copied().chain(own).chain(second).collect();
                for part in [&walk.loop_cond, &walk.loop_step, &walk.result] {
                    self.collect(part, &bound, inner);
                }
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    /// `math.greatest(a, b)` is a function of that name where there is one, and otherwise `greatest` of the variable `math`.
    fn collect_call(&mut self, call: &CallExpr, bound: &[&str], inner: usize) {
        let library = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(name)) if !bound.contains(&name.as_str()) => {
                Some(format!("{name}.{}", call.func_name)).filter(|name| is_function(name, self.functions))
            }
            _ => None,
        };
        if let Some(function) = library {
            self.names.functions.insert(function);
        } else {
            self.names.functions.insert(call.func_name.clone());
            call.target.iter().for_each(|target| self.collect(target, bound, inner));
        }
        call.args.iter().for_each(|argument| self.collect(argument, bound, inner));
    }

    fn collect_entry(&mut self, entry: &IdedEntryExpr, bound: &[&str], depth: usize) {
        match &entry.expr {
            EntryExpr::StructField(field) => self.collect(&field.value, bound, depth),
            EntryExpr::MapEntry(entry) => {
                self.collect(&entry.key, bound, depth);
                self.collect(&entry.value, bound, depth);
            }
        }
    }
}
