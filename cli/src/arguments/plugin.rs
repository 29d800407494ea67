//! The names of this program: `usp`, and those under which kubectl finds it as its plugin.
//!
//! kubectl runs `kubectl-usp` for `kubectl usp`, and asks `kubectl_complete-usp` what could be typed next. Both are links to the
//! one program.

use std::ffi::OsStr;
use std::path::Path;

use clap::{Command, CommandFactory, FromArgMatches};

use super::Arguments;

/// As what the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// By itself.
    Usp,
    /// As kubectl's plugin.
    Kubectl,
    /// By kubectl, to complete a command line.
    KubectlComplete,
}

impl Name {
    /// The name in the first word of a command line, which may be a path.
    pub(crate) fn of(first: Option<&OsStr>) -> Self {
        let stem = first.map(Path::new).and_then(Path::file_stem).and_then(OsStr::to_str);
        match stem {
            Some("kubectl-usp") => Self::Kubectl,
            Some("kubectl_complete-usp") => Self::KubectlComplete,
            _ => Self::Usp,
        }
    }

    /// The command line, explained in the words in which it was typed.
    fn command(self) -> Command {
        match self {
            Self::Usp | Self::KubectlComplete => Arguments::command(),
            Self::Kubectl => typed_as(Arguments::command(), "kubectl usp").bin_name("kubectl usp"),
        }
    }

    /// What was typed; one that cannot be understood, and a question for help, end the process as clap ends it.
    pub(crate) fn parse(self) -> Arguments {
        let matches = self.command().get_matches();
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The same command with `name` in its examples.
fn typed_as(command: Command, name: &str) -> Command {
    let examples =
        command.get_after_help().map(|help| help.to_string().replace("\n  usp ", &format!("\n  {name} ")));
    let command = match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(|subcommand| typed_as(subcommand, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_knows_as_what_it_was_started() {
        let of = |text: &str| Name::of(Some(OsStr::new(text)));
        assert_eq!(of("usp"), Name::Usp);
        assert_eq!(of("/usr/local/bin/kubectl-usp"), Name::Kubectl);
        assert_eq!(of("kubectl_complete-usp"), Name::KubectlComplete);
        assert_eq!((of("my-usp"), Name::of(None)), (Name::Usp, Name::Usp));
    }

    #[test]
    fn as_a_plugin_it_explains_itself_as_one() {
        let mut command = Name::Kubectl.command();
        command.build();
        let help = command.render_long_help().to_string();
        assert!(help.contains("Usage: kubectl usp [OPTIONS] <COMMAND>"), "{help}");
        assert!(help.contains("\n  kubectl usp status users") && !help.contains("\n  usp "), "{help}");
        let status = command.find_subcommand_mut("status").unwrap().render_long_help().to_string();
        assert!(
            status.contains("Usage: kubectl usp status")
                && status.contains("\n  kubectl usp status users -n demo"),
            "{status}"
        );
    }
}
