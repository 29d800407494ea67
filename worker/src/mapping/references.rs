//! What an expression refers to, found in its syntax once, so that only these parts of a record are converted for it.

use std::collections::{BTreeMap, BTreeSet};

use userstream_crds::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SelectExpr,
    operators,
};

/// What an expression refers to.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The variables, and which parts of them.
    pub(super) variables: Members,
    /// The functions, other than operators.
    pub(super) functions: BTreeSet<Function>,
    /// The keys that stand in the expression itself.
    pub(super) keys: BTreeSet<String>,
}

/// Members of a record or of an object in it.
pub(super) type Members = BTreeMap<Box<str>, Part>;

/// How much of a value is referred to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Nothing but these members.
    Members(Members),
}

/// A function as it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Function {
    /// `lowerAscii` of `name.lowerAscii()`, `greatest` of `math.greatest(1, 2)`.
    pub(super) name: String,
    /// `math` of `math.greatest(1, 2)`, when it stands where a variable may stand as well: which of the two it is, the
    /// functions that there are decide.
    pub(super) prefix: Option<String>,
}

impl Function {
    /// The name with the prefix.
    pub(super) fn qualified(&self) -> Option<String> {
        self.prefix.as_ref().map(|prefix| format!("{prefix}.{}", self.name))
    }
}

impl References {
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut references = Self::default();
        Walk { references: &mut references, bound: Vec::new() }.visit(expression);
        references
    }

    /// Adds what another expression refers to.
    pub(super) fn merge(variables: &mut Members, others: Members) {
        for (name, part) in others {
            match (variables.get_mut(&name), part) {
                (Some(Part::Whole), _) => {}
                (Some(Part::Members(members)), Part::Members(others)) => Self::merge(members, others),
                (Some(part @ Part::Members(_)), Part::Whole) => *part = Part::Whole,
                (None, part) => {
                    variables.insert(name, part);
                }
            }
        }
    }

    fn refer(&mut self, path: &[&str]) {
        let part = path.iter().rev().fold(None, |inner, name| {
            let part = inner.map_or(Part::Whole, Part::Members);
            Some(Members::from([(Box::from(*name), part)]))
        });
        Self::merge(&mut self.variables, part.unwrap_or_default());
    }
}

struct Walk<'w, 'e> {
    references: &'w mut References,
    /// The variables of the comprehensions around the place.
    bound: Vec<&'e str>,
}

impl<'e> Walk<'_, 'e> {
    fn visit(&mut self, expression: &'e IdedExpr) {
        if let Some(path) = self.path(expression) {
            self.references.refer(&path);
            self.references.keys.extend(path.into_iter().map(str::to_owned));
            return;
        }
        match &expression.expr {
            Expr::Unspecified | Expr::Ident(_) => {}
            Expr::Literal(literal) => {
                if let LiteralValue::String(text) = literal {
                    self.references.keys.insert(text.inner().to_owned());
                }
            }
            Expr::Select(SelectExpr { operand, field, .. }) => {
                self.references.keys.insert(field.clone());
                self.visit(operand);
            }
            Expr::Call(call) => self.visit_call(call),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => self.visit_entries(&map.entries),
            // No expression that compiled has one.
            Expr::Struct(message) => self.visit_entries(&message.entries),
            Expr::Comprehension(comprehension) => self.visit_comprehension(comprehension),
        }
    }

    fn visit_call(&mut self, call: &'e CallExpr) {
        let prefix = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(name)) if !self.bound.contains(&name.as_str()) => Some(name.clone()),
            _ => None,
        };
        if call.func_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
            self.references.functions.insert(Function { name: call.func_name.clone(), prefix });
        }
        call.target.iter().for_each(|target| self.visit(target));
        call.args.iter().for_each(|argument| self.visit(argument));
    }

    fn visit_entries(&mut self, entries: &'e [IdedEntryExpr]) {
        for entry in entries {
            match &entry.expr {
                EntryExpr::StructField(member) => self.visit(&member.value),
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key);
                    self.visit(&entry.value);
                }
            }
        }
    }

    fn visit_comprehension(&mut self, comprehension: &'e ComprehensionExpr) {
        self.visit(&comprehension.iter_range);
        self.visit(&comprehension.accu_init);
        let outside = self.bound.len();
        self.bound.extend([comprehension.iter_var.as_str(), comprehension.accu_var.as_str()]);
        self.bound.extend(comprehension.iter_var2.as_deref());
        self.visit(&comprehension.loop_cond);
        self.visit(&comprehension.loop_step);
        self.visit(&comprehension.result);
        self.bound.truncate(outside);
    }

    /// The path that an expression like `a.b["c"]` is, beginning with a variable of the record.
    fn path(&self, expression: &'e IdedExpr) -> Option<Vec<&'e str>> {
        match &expression.expr {
            Expr::Ident(name) if !self.bound.contains(&name.as_str()) => Some(vec![name]),
            Expr::Select(SelectExpr { operand, field, .. }) => {
                let mut path = self.path(operand)?;
                path.push(field);
                Some(path)
            }
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
                let [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] =
                    args.as_slice()
                else {
                    return None;
                };
                let mut path = self.path(operand)?;
                path.push(key.inner());
                Some(path)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use userstream_crds::cel::Program;

    use super::*;

    fn references(source: &str) -> References {
        References::of(Program::compile(source).unwrap().expression())
    }

    fn variables(source: &str) -> String {
        fn write(members: &Members) -> String {
            let parts = members.iter().map(|(name, part)| match part {
                Part::Whole => name.to_string(),
                Part::Members(members) => format!("{name}({})", write(members)),
            });
            parts.collect::<Vec<_>>().join(" ")
        }
        write(&references(source).variables)
    }

    #[test]
    fn only_the_members_that_are_named_are_referred_to() {
        for (source, expected) in [
            ("1 + 2", ""),
            ("a", "a"),
            ("a.b.c + a.d", "a(b(c) d)"),
            ("a.b.c + a.b", "a(b)"),
            ("a.b + a.b.c", "a(b)"),
            ("a['b'].c", "a(b(c))"),
            ("a[0].b", "a"),
            ("a[b.c]", "a b(c)"),
            ("has(a.b) ? a.b : c", "a(b) c"),
            ("string(a.b) + ' ' + c.d.lowerAscii()", "a(b) c(d)"),
            ("[a.b, {'x': c, d: 1}]", "a(b) c d"),
        ] {
            assert_eq!(variables(source), expected, "{source}");
        }
    }

    #[test]
    fn variables_of_a_comprehension_are_not_those_of_the_record() {
        assert_eq!(variables("a.b.exists(x, x.c == d)"), "a(b) d");
        assert_eq!(variables("a.map(x, b.all(y, x.c == y))"), "a b");
        assert_eq!(variables("x.map(x, x.y)"), "x");
        assert_eq!(variables("a.exists(x, x) && x.y"), "a x(y)");
    }

    #[test]
    fn functions_and_keys_are_found() {
        let found = references("math.greatest(a, size(b)) + c.lowerAscii().size()");
        let names: Vec<_> = found.functions.iter().map(|it| (it.qualified(), it.name.as_str())).collect();
        assert_eq!(
            names,
            [
                (Some("math.greatest".to_owned()), "greatest"),
                (Some("c.lowerAscii".to_owned()), "lowerAscii"),
                (None, "size"),
            ]
        );
        let found = references("a.b['c'][d] + f().e");
        assert_eq!(found.keys.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
    }
}
