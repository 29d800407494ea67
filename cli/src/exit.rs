//! How `usp` ends. The numbers are those of sysexits.h where it has one.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The resource is wrong.
    InvalidResource,
    /// The command line is wrong in a way that its parser does not see.
    Usage,
    /// A pipeline, a run or a cluster is not as it should be.
    #[cfg(feature = "cluster")]
    NotReady,
    /// A record cannot be processed, and the pipeline says to stop then.
    Data,
    /// Something needed is not there: the source, a server, the data.
    Unavailable,
    /// The cluster does not allow it.
    #[cfg(feature = "cluster")]
    NotAllowed,
    /// The set-up is wrong, and stays wrong until somebody changes it.
    Configuration,
    /// A signal ended it at once, without its usual end.
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
            // As a shell reports a process that SIGINT ended.
            Exit::Interrupted => 130,
        })
    }
}
