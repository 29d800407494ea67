//! Retry classification: whether a failed call is worth repeating.
//!
//! Each client decides it in one function, `classify`, from the typed errors of its library.

/// Whether repeating a failed call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call may succeed later.
    Transient,
    /// The call fails until the cluster, its permissions or the pipeline change.
    Permanent,
    /// These records or rows can never be written. Others can.
    Rows,
}
