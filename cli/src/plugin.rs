//! The names of this program: `usp`, and those under which kubectl finds it as its plugin.
//!
//! kubectl runs `kubectl-usp` for `kubectl usp`, and asks `kubectl_complete-usp` what could be typed next. Both are links to the
//! one program.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory, FromArgMatches};

use crate::arguments::Arguments;
use crate::terminal::print;

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

/// Prints what could be typed next, a candidate a line, and last the line that tells kubectl what to make of it.
pub(crate) fn complete(typed: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<String> = typed.map(|word| word.to_string_lossy().into_owned()).collect();
    let candidates = candidates(&Arguments::command(), &words);
    // 0 leaves names of files to the shell, 4 keeps it from offering any.
    let directive = if candidates.is_empty() { ":0" } else { ":4" };
    let lines: String = candidates.iter().map(|candidate| format!("{candidate}\n")).collect();
    match print(&format!("{lines}{directive}\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What could stand for the last word, which is empty where nothing has been typed of it.
fn candidates(command: &Command, words: &[String]) -> Vec<String> {
    let Some((last, before)) = words.split_last() else { return Vec::new() };
    let chosen = before.iter().find_map(|word| command.find_subcommand(word));
    let own = chosen.unwrap_or(command);
    let options =
        || own.get_arguments().chain(command.get_arguments().filter(|option| option.is_global_set()));
    let is_before = |option: &&clap::Arg| {
        before.last().is_some_and(|word| {
            option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                || option.get_short().is_some_and(|short| *word == format!("-{short}"))
        })
    };
    let takes_value = |option: &&clap::Arg| option.get_action().takes_values() && !option.is_positional();
    let all: Vec<String> = if let Some(option) = options().filter(takes_value).find(is_before) {
        option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
    } else if last.starts_with('-') {
        let hidden = ["help".to_owned(), "version".to_owned()];
        options()
            .filter_map(|option| option.get_long().map(str::to_owned))
            .chain(hidden)
            .map(|long| format!("--{long}"))
            .collect()
    } else if chosen.is_none() {
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect()
    } else {
        let positional = own.get_positionals().next();
        positional
            .into_iter()
            .flat_map(|it| it.get_possible_values())
            .map(|value| value.get_name().to_owned())
            .collect()
    };
    let mut fitting: Vec<String> = all.into_iter().filter(|candidate| candidate.starts_with(last)).collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &[&str]) -> Vec<String> {
        candidates(&Arguments::command(), &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

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

    #[test]
    fn what_can_be_typed_next_is_completed() {
        assert_eq!(after(&["s"]), ["status", "suspend"]);
        assert_eq!(after(&["status", "users", "--o"]), ["--output"]);
        assert_eq!(after(&["status", "users", "-o", ""]), ["human", "json", "yaml"]);
        assert_eq!(after(&["get", "--output", "w"]), ["wide"]);
        assert_eq!(after(&["completions", "z"]), ["zsh"]);
        assert_eq!(after(&["--color", "a"]), ["always", "auto"]);
        assert!(after(&["logs", "users", "--"]).contains(&"--follow".to_owned()));
        assert!(after(&["validate", "pipe"]).is_empty() && after(&[]).is_empty());
    }
}
