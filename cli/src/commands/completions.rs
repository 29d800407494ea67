//! `usp completions`, and what kubectl asks its plugin for while a user types.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use super::CommandError;
use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Exit;
use crate::terminal::print;

/// Prints the completion script of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "usp", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
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
