//! Fixtures of the command-line tests: `usp` as a process, a directory for each test, and pipelines.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod http;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;

/// The working directory of a test, with its pipelines and data.
pub(crate) struct Workdir(tempfile::TempDir);

impl Workdir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and returns its name.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        name.to_owned()
    }

    /// The command `usp` with these arguments.
    pub(crate) fn usp<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usp"));
        command.args(arguments).current_dir(self.path());
        for name in ["USP_LOG", "NO_COLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs `usp`, and waits for its exit.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        Ended::of(&self.usp(arguments).output().unwrap())
    }

    /// Starts `usp` in the background.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let mut child = self.usp(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Running { child, stdout }
    }

    /// Opens the SQLite file of a keyspace.
    pub(crate) fn keyspace(&self, name: &str) -> Connection {
        let path = self.path().join(format!("userstream-data/{name}.db"));
        Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The rows of a query on a keyspace, each value as text.
    pub(crate) fn query(&self, keyspace: &str, query: &str) -> Vec<Vec<Option<String>>> {
        let connection = self.keyspace(keyspace);
        let mut statement = connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>, column| {
            Ok(match row.get::<_, rusqlite::types::Value>(column)? {
                rusqlite::types::Value::Null => None,
                rusqlite::types::Value::Integer(value) => Some(value.to_string()),
                rusqlite::types::Value::Real(value) => Some(value.to_string()),
                rusqlite::types::Value::Text(value) => Some(value),
                rusqlite::types::Value::Blob(value) => Some(format!("{value:02x?}")),
            })
        };
        let rows = statement.query_map([], |row| (0..columns).map(|column| text(row, column)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The number of rows in the table of `pipeline`.
    pub(crate) fn rows(&self) -> u64 {
        let rows: i64 =
            self.keyspace("shop").query_row("SELECT count(*) FROM people", [], |row| row.get(0)).unwrap();
        rows.unsigned_abs()
    }
}

/// An exited process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON summary, which is the last line of standard output.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error}: {last:?}\nstderr:\n{}", self.stderr))
    }
}

/// A running process.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Waits for the next line of standard output; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.stdout.read_line(&mut line).unwrap();
        (length > 0).then(|| line.trim_end().to_owned())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    pub(crate) fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Whether the process has exited.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the exit.
    pub(crate) fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failed test leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipeline into `shop.people`, from this source (YAML in braces).
pub(crate) fn pipeline(source: &str) -> String {
    pipeline_with(source, "{}")
}

/// The same pipeline with this `delivery`.
pub(crate) fn pipeline_with(source: &str, delivery: &str) -> String {
    format!(
        "apiVersion: userstream.dev/v1alpha1
kind: UserStreamPipeline
metadata: {{name: people}}
spec:
  source: {source}
  schema:
    fields:
      - {{name: id, type: uuid, from: login.uuid, required: true}}
      - {{name: first_name, type: string, from: name.first}}
      - {{name: post_code, type: string, from: location.postcode}}
      - {{name: dob, type: timestamp, from: dob.date}}
      - {{name: fetched_at, type: timestamp, from: $fetchedAt, required: true}}
  kafka:
    bootstrapServers: kafka:9092
    topic: {{name: people, partitions: 3}}
    keyField: id
  sink:
    cassandra:
      contactPoints: [\"cassandra:9042\"]
      keyspace: {{name: shop, replication: {{class: SimpleStrategy, replication_factor: 1}}}}
      table: {{name: people, partitionKey: [id]}}
  delivery: {delivery}
"
    )
}

/// A generator of this many people a run.
pub(crate) fn generator(count: u32) -> String {
    format!("{{generator: {{seed: 7, recordsPerInterval: {count}, interval: 100ms}}}}")
}

/// A person as JSON of the source. The number is in id and postcode.
pub(crate) fn person(number: usize) -> String {
    format!(
        r#"{{"login":{{"uuid":"{}"}},"name":{{"first":"P{number}"}},"location":{{"postcode":{number}}},"dob":{{"date":"1990-01-01T00:00:00Z"}}}}"#,
        id(number)
    )
}

/// The id of a person.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
