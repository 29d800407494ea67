//! All `from` paths of a schema in one tree, so that one pass over a record finds every value.

use userstream_crds::record_path::{RecordPath, Segment};

use super::target::Target;

/// What is selected at one node of a document.
#[derive(Debug)]
pub(super) enum Node {
    /// The value, for one field or more. Longer paths through it find nothing: a value with members does not convert.
    Value(Target, Box<[Target]>),
    /// Members of the value.
    Members(Members),
}

/// The selected members of an object, or elements of an array.
#[derive(Debug)]
pub(super) struct Members {
    /// In the order of the schema, which records often have.
    members: Box<[Member]>,
    /// Positions in `members`, by name.
    by_name: Box<[usize]>,
    /// The selected elements of an array and their positions in `members`, by index.
    by_index: Box<[(usize, usize)]>,
    /// All fields below this node.
    fields: Box<[usize]>,
}

#[derive(Debug)]
struct Member {
    name: Box<str>,
    node: Node,
}

impl Members {
    /// The tree of these paths.
    pub(super) fn new<'a>(paths: impl IntoIterator<Item = (&'a RecordPath, Target)>) -> Self {
        let mut root = TreeBuilder::default();
        for (path, target) in paths {
            root.add(path.segments(), target);
        }
        root.into_members()
    }

    /// The position of the member with this name. `expected` is the most likely position.
    pub(super) fn position(&self, name: &str, expected: usize) -> Option<usize> {
        if self.members.get(expected).is_some_and(|member| *member.name == *name) {
            return Some(expected);
        }
        let found = self.by_name.binary_search_by(|position| self.name(*position).cmp(name)).ok()?;
        self.by_name.get(found).copied()
    }

    /// The node at a position.
    pub(super) fn node(&self, position: usize) -> Option<&Node> {
        self.members.get(position).map(|member| &member.node)
    }

    /// The selected elements of an array, as (index, position), by index.
    pub(super) fn elements(&self) -> &[(usize, usize)] {
        &self.by_index
    }

    /// All fields below this node.
    pub(super) fn fields(&self) -> &[usize] {
        &self.fields
    }

    fn name(&self, position: usize) -> &str {
        self.members.get(position).map_or("", |member| &member.name)
    }
}

#[derive(Default)]
struct TreeBuilder {
    targets: Vec<Target>,
    members: Vec<(Segment, TreeBuilder)>,
}

impl TreeBuilder {
    fn add(&mut self, path: &[Segment], target: Target) {
        let Some((first, rest)) = path.split_first() else {
            self.targets.push(target);
            return;
        };
        let position = match self.members.iter().position(|(segment, _)| segment == first) {
            Some(position) => position,
            None => {
                self.members.push((first.clone(), Self::default()));
                self.members.len() - 1
            }
        };
        if let Some((_, member)) = self.members.get_mut(position) {
            member.add(rest, target);
        }
    }

    fn fields(&self) -> Vec<usize> {
        let own = self.targets.iter().map(|target| target.index);
        own.chain(self.members.iter().flat_map(|(_, member)| member.fields())).collect()
    }

    fn into_node(mut self) -> Node {
        if self.targets.is_empty() {
            return Node::Members(self.into_members());
        }
        let first = self.targets.remove(0);
        Node::Value(first, self.targets.into())
    }

    fn into_members(self) -> Members {
        let fields = self.fields().into();
        let mut by_index = Vec::new();
        let mut members = Vec::with_capacity(self.members.len());
        for (position, (segment, member)) in self.members.into_iter().enumerate() {
            let name = match segment {
                Segment::Name(name) => name,
                Segment::Index(index) => {
                    by_index.push((index, position));
                    index.to_string().into()
                }
            };
            members.push(Member { name, node: member.into_node() });
        }
        by_index.sort_unstable();
        let mut by_name: Vec<usize> = (0..members.len()).collect();
        by_name.sort_unstable_by(|one, other| {
            let name = |position: &usize| members.get(*position).map(|member: &Member| &member.name);
            name(one).cmp(&name(other))
        });
        Members { members: members.into(), by_name: by_name.into(), by_index: by_index.into(), fields }
    }
}
