//! The worker as a process: started with a configuration file, signalled, asked, and judged by its exit code.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::poll_until::poll_until;

/// A worker that was started; it ends with the test at the latest.
#[derive(Debug)]
pub struct Worker {
    /// What it was started as, for messages.
    pub name: String,
    /// When it was started.
    pub started: Instant,
    child: Child,
    pid: Pid,
    log: PathBuf,
    listen: Option<String>,
}

/// The worker's binary: what `USERSTREAM_WORKER` names, else the one that was built with this program.
///
/// # Panics
/// When it has not been built.
pub fn binary() -> PathBuf {
    let beside = || {
        let own = std::env::current_exe().expect("a program's own path is known");
        let folder = own.parent().expect("a program lies in a folder");
        // Tests lie one folder below the binaries.
        let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        folder.join("worker")
    };
    let binary = std::env::var_os("USERSTREAM_WORKER").map_or_else(beside, PathBuf::from);
    assert!(binary.exists(), "{} is not there: cargo build --workspace --bins", binary.display());
    binary
}

impl Worker {
    /// Starts `worker ARGUMENTS...`. Its log goes to `log`, behind what is there. It serves at `listen`, if it was
    /// configured to.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(arguments: &[&str], log: &Path, listen: Option<String>) -> Self {
        Self::start_program(&binary(), arguments, log, listen)
    }

    /// The same with another program in the worker's place, to compare it with.
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

    /// SIGKILL: the process is gone before this returns, in the middle of whatever it did.
    ///
    /// # Panics
    /// When it had ended by itself.
    pub async fn kill(mut self) {
        if let Some(status) = self.child.try_wait().expect("the worker can be waited for") {
            panic!("{} was to be killed but had ended: {status}\n{}", self.name, self.log_tail());
        }
        self.child.kill().await.expect("the worker can be killed");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: it holds its connections and does nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal)
            .unwrap_or_else(|error| panic!("{} takes no signal: {error}", self.name));
    }

    /// Waits for the end and returns the exit code, or 128 and the signal that ended it, as a shell would.
    ///
    /// # Panics
    /// When it has not ended within `within`.
    pub async fn exit(&mut self, within: Duration) -> i32 {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => {
                let status = status.expect("the worker can be waited for");
                status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
            }
            Err(_) => panic!("{} has not ended within {within:?}\n{}", self.name, self.log_tail()),
        }
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the worker can be waited for").is_none()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// The most memory it ever had in use (VmHWM), in bytes. None when it has ended: Linux forgets it then.
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
    /// When it was not configured to serve.
    pub async fn get(&self, path: &str) -> Result<(u16, String), String> {
        let listen = self.listen.as_ref().expect("this worker serves nothing");
        let url = format!("http://{listen}{path}");
        let answer = async {
            let response = client().get(&url).send().await?;
            Ok((response.status().as_u16(), response.text().await?))
        };
        answer.await.map_err(|error: reqwest::Error| format!("{error:?}"))
    }

    /// `/status` as JSON.
    ///
    /// # Errors
    /// When it does not answer, or not with JSON.
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

    /// All that it and its predecessors wrote to its log.
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
            "--- the end of {}:\n{}",
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
