//! The worker as a process: its configuration file, signals, endpoints, log and exit code.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::poll_until::poll_until;

/// A worker process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Worker {
    /// Its instance and its arguments, for messages.
    pub name: String,
    /// When it was started.
    pub started: Instant,
    child: Child,
    pid: Pid,
    log: PathBuf,
    listen: Option<String>,
}

/// The worker's binary: the one that `USERSTREAM_WORKER` names, or else that of this build.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let of_this_build = || {
        let own = std::env::current_exe().expect("the path of the running program is known");
        let folder = own.parent().expect("a program is in a folder");
        // Tests are one folder below the binaries.
        let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        folder.join("worker")
    };
    let binary = std::env::var_os("USERSTREAM_WORKER").map_or_else(of_this_build, PathBuf::from);
    assert!(binary.exists(), "{} does not exist: cargo build --workspace --bins", binary.display());
    binary
}

impl Worker {
    /// Starts `worker ARGUMENTS...`. Its output is appended to the file `log`. `listen` is the address that its
    /// configuration has it serve at.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(arguments: &[&str], log: &Path, listen: Option<String>) -> Self {
        Self::start_program(&binary(), arguments, log, listen)
    }

    /// Starts another program in place of the worker, such as one to compare it with.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_program(program: &Path, arguments: &[&str], log: &Path, listen: Option<String>) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("the log can be written");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log can be shared"))
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .expect("the worker can be started");
        let pid =
            child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("a new process has a pid");
        let name = format!("{} {}", log.file_stem().unwrap_or_default().display(), arguments.join(" "));
        Self { name, started: Instant::now(), child, pid, log: log.to_owned(), listen }
    }

    /// Sends SIGKILL, and returns when the process has ended.
    ///
    /// # Panics
    /// When it has exited before.
    pub async fn kill(mut self) {
        if let Some(status) = self.child.try_wait().expect("the worker can be waited for") {
            panic!("{} exited before it could be killed: {status}\n{}", self.name, self.log_tail());
        }
        self.child.kill().await.expect("the worker can be killed");
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGSTOP: its connections stay open and it makes no progress.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Sends SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal)
            .unwrap_or_else(|error| panic!("{} cannot be signalled: {error}", self.name));
    }

    /// Waits until it exits and returns its exit code, or 128 plus the number of the signal that killed it.
    ///
    /// # Panics
    /// When it has not exited within `within`.
    pub async fn exit(&mut self, within: Duration) -> i32 {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => {
                let status = status.expect("the worker can be waited for");
                status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
            }
            Err(_) => panic!("{} has not exited within {within:?}\n{}", self.name, self.log_tail()),
        }
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When its state cannot be queried.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the worker can be waited for").is_none()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Its peak resident memory (`VmHWM`), in bytes; none once it has exited.
    pub fn peak_memory(&self) -> Option<u64> {
        let file = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(file).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"))?;
        Some(peak.trim().parse::<u64>().ok()? * 1024)
    }

    /// GETs a path of its server: the status code and the body.
    ///
    /// # Errors
    /// When it does not answer.
    ///
    /// # Panics
    /// When it was started without an address to serve at.
    pub async fn get(&self, path: &str) -> Result<(u16, String), String> {
        let listen = self.listen.as_ref().expect("this worker has no address to serve at");
        let url = format!("http://{listen}{path}");
        let response = async {
            let response = client().get(&url).send().await?;
            Ok((response.status().as_u16(), response.text().await?))
        };
        response.await.map_err(|error: reqwest::Error| format!("{error:?}"))
    }

    /// `/status` as JSON.
    ///
    /// # Errors
    /// When it does not answer, or its answer is not JSON.
    pub async fn status(&self) -> Result<Value, String> {
        let (_, body) = self.get("/status").await?;
        serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// When it has not within `within`.
    pub async fn await_ready(&self, within: Duration) {
        poll_until(&format!("{} is ready", self.name), within, async || match self.get("/readyz").await? {
            (200, _) => Ok(()),
            (code, body) => Err(format!("{code} {body}")),
        })
        .await;
    }

    /// Its log, with that of earlier workers of the same instance.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("the log can be read")).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        format!(
            "--- the last lines of {}:\n{}",
            self.log.display(),
            lines[lines.len().saturating_sub(40)..].join("\n")
        )
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.log_tail());
        }
    }
}

fn client() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .expect("a plain HTTP client can be built")
}
