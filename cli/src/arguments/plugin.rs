//! The names of this program: `usp`, and those of a kubectl plugin.
//!
//! kubectl runs `kubectl-usp` for `kubectl usp`, and `kubectl_complete-usp` for completions. Both are links to the same program.

use std::ffi::OsStr;
use std::path::Path;

use clap::{Command, CommandFactory, FromArgMatches};

use super::Arguments;

/// The name under which the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// `usp`.
    Usp,
    /// `kubectl-usp`: the plugin.
    Kubectl,
    /// `kubectl_complete-usp`: the completions of the plugin.
    KubectlComplete,
}

impl Name {
    /// Parses the first word of a command line, which may be a path.
    pub(crate) fn of(first: Option<&OsStr>) -> Self {
        let stem = first.map(Path::new).and_then(Path::file_stem).and_then(OsStr::to_str);
        match stem {
            Some("kubectl-usp") => Self::Kubectl,
            Some("kubectl_complete-usp") => Self::KubectlComplete,
            _ => Self::Usp,
        }
    }

    /// The command line, with the program's name in its help.
    fn command(self) -> Command {
        match self {
            Self::Usp | Self::KubectlComplete => Arguments::command(),
            Self::Kubectl => with_name(Arguments::command(), "kubectl usp").bin_name("kubectl usp"),
        }
    }

    /// Parses the arguments. Exits the process on `--help`, `--version` and invalid arguments, as clap does.
    pub(crate) fn parse(self) -> Arguments {
        let matches = self.command().get_matches();
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Replaces `usp` by `name` in the examples of a command.
fn with_name(command: Command, name: &str) -> Command {
    let examples =
        command.get_after_help().map(|help| help.to_string().replace("\n  usp ", &format!("\n  {name} ")));
    let command = match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(|subcommand| with_name(subcommand, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_name_selects_the_plugin() {
        let of = |text: &str| Name::of(Some(OsStr::new(text)));
        assert_eq!(of("usp"), Name::Usp);
        assert_eq!(of("/usr/local/bin/kubectl-usp"), Name::Kubectl);
        assert_eq!(of("kubectl_complete-usp"), Name::KubectlComplete);
        assert_eq!((of("my-usp"), Name::of(None)), (Name::Usp, Name::Usp));
    }

    #[test]
    fn plugin_help_shows_kubectl_usp() {
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
