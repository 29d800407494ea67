//! Exit codes of `usp`. They are those of sysexits.h where it defines one.

use std::process::ExitCode;

/// The outcome of a command, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded.
    Done,
    /// The resource is invalid.
    InvalidResource,
    /// The command line is invalid in a way that clap does not detect.
    Usage,
    /// A pipeline, a run or a cluster is not ready.
    #[cfg(feature = "cluster")]
    NotReady,
    /// A record cannot be processed under `onError: Fail`.
    Data,
    /// A dependency is unavailable: the source, a server or the data.
    Unavailable,
    /// The API server denied the request.
    #[cfg(feature = "cluster")]
    NotAllowed,
    /// The configuration is invalid, and a retry fails until it is changed.
    Configuration,
    /// A second signal aborted the drain.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::InvalidResource => 1,
            Exit::Usage => 2,
            #[cfg(feature = "cluster")]
            Exit::NotReady => 3,
            Exit::Data => 65,
            Exit::Unavailable => 69,
            #[cfg(feature = "cluster")]
            Exit::NotAllowed => 77,
            Exit::Configuration => 78,
            // What a shell reports for a process that SIGINT killed.
            Exit::Interrupted => 130,
        })
    }
}
