//! The names that an expression may use.

use super::kind::Kinds;

/// The names that an expression may use.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'s> {
    /// Every member of a record, by its name; `self` is the record.
    Record,
    /// Declared fields and nothing else.
    Fields(&'s [(&'s str, Kinds)]),
}

/// The path of a member from the top of a record. The empty path is the record itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath(Box<[Box<str>]>);

impl MemberPath {
    pub(super) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(Box::from).collect())
    }

    /// The names from the top down.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}
