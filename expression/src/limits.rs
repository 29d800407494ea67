//! The bounds of an expression and of its evaluation.

/// The most characters that an expression may have, as in the schema of the resource.
pub const MAX_LENGTH: usize = 1024;

/// The most brackets, conditions and calls within each other. Each level takes a piece of the stack.
pub const MAX_NESTING: usize = 32;

/// The most levels of operations within each other. `a + b + c`, `a && b && c` and `a.b.c` of the record are one level
/// each, whatever their length.
pub const MAX_HEIGHT: u16 = 40;

/// The most members of a path like `a.b.c`, as in `from`.
pub const MAX_PATH: usize = 32;

/// The most steps that the expressions of one record may take: operations, elements walked, and bytes of text divided
/// by [`BYTES_PER_STEP`].
pub const MAX_STEPS: u32 = 1_000_000;

/// How many bytes of text are read or written in one step.
pub const BYTES_PER_STEP: usize = 32;

/// The most elements of a list or entries of a map that an expression builds. Those of the record may have more.
pub const MAX_ELEMENTS: usize = 10_000;

/// The most bytes of a text or of bytes that an expression builds. Those of the record may have more.
pub const MAX_TEXT: usize = 1 << 20;

/// The most bytes that the values of one record take in memory.
pub const MAX_BYTES: usize = 16 << 20;

/// The most characters of a number to compute with.
pub const MAX_DIGITS: usize = 256;

/// The most weight of all literal patterns of an expression, about one for each state of their automatons.
pub const MAX_PATTERN: usize = 50_000;

/// The most weight of a pattern that is computed, because it is compiled for each record.
pub const MAX_COMPUTED_PATTERN: usize = 1_000;
