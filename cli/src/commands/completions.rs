//! `usp completions`, and the completions that kubectl requests from its plugin.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory};

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

/// Prints one candidate a line, and the directive for kubectl on the last line.
pub(crate) fn complete(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let candidates = candidates(&Arguments::command(), &words);
    // 0 is the default directive, under which the shell completes file names. 4 is NoFileComp.
    let directive = if candidates.is_empty() { ":0" } else { ":4" };
    let lines: String = candidates.iter().map(|candidate| format!("{candidate}\n")).collect();
    match print(&format!("{lines}{directive}\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The candidates for the last word, which is empty at the start of a word.
fn candidates(command: &Command, words: &[String]) -> Vec<String> {
    let Some((last, before)) = words.split_last() else { return Vec::new() };
    let subcommand = before.iter().find_map(|word| command.find_subcommand(word));
    let all = if let Some(option) = pending_option(command, subcommand, before) {
        values(option)
    } else if last.starts_with('-') {
        long_options(command, subcommand)
    } else if let Some(subcommand) = subcommand {
        subcommand.get_positionals().next().map(values).unwrap_or_default()
    } else {
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect()
    };
    let mut fitting: Vec<String> = all.into_iter().filter(|candidate| candidate.starts_with(last)).collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

/// The options of a subcommand, or of the command itself, and the global ones.
fn options<'c>(command: &'c Command, subcommand: Option<&'c Command>) -> impl Iterator<Item = &'c Arg> {
    let global = command.get_arguments().filter(|option| option.is_global_set());
    subcommand.unwrap_or(command).get_arguments().chain(global)
}

/// The option before the last word, if the last word is its value.
fn pending_option<'c>(
    command: &'c Command,
    subcommand: Option<&'c Command>,
    before: &[String],
) -> Option<&'c Arg> {
    let word = before.last()?;
    options(command, subcommand)
        .filter(|option| option.get_action().takes_values() && !option.is_positional())
        .find(|option| {
            option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                || option.get_short().is_some_and(|short| *word == format!("-{short}"))
        })
}

fn long_options(command: &Command, subcommand: Option<&Command>) -> Vec<String> {
    // clap adds these two when it parses.
    let built_in = ["help", "version"];
    let long = options(command, subcommand).filter_map(Arg::get_long).chain(built_in);
    long.map(|long| format!("--{long}")).collect()
}

fn values(argument: &Arg) -> Vec<String> {
    argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &[&str]) -> Vec<String> {
        candidates(&Arguments::command(), &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn candidates_are_commands_options_and_values() {
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
