//! `operator check URL`: asks a running operator whether anything is missing. `helm test` runs it in a pod, where there is
//! no shell and no other client.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::model::text::with_causes;
use crate::runtime::worker_client;

/// How long one answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// The exit code when it is not ready in time.
const UNAVAILABLE: u8 = 69;

/// Asks a running operator whether it is ready.
#[derive(Debug, Parser)]
#[command(name = "operator check")]
pub struct Arguments {
    /// What is asked, such as `http://userstream.userstream-system.svc:8080/readyz`.
    pub url: reqwest::Url,
    /// How long it may take to become ready, in seconds.
    #[arg(long, default_value_t = 60)]
    pub within_seconds: u64,
}

/// Asks until the answer is good or the time is up, and prints the last answer.
#[must_use]
#[allow(clippy::print_stdout, reason = "the answer is this command's output")]
pub fn run(arguments: &Arguments) -> ExitCode {
    // Fails only when a provider was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("the runtime cannot be started: {error}");
            return ExitCode::from(UNAVAILABLE);
        }
    };
    let within = Duration::from_secs(arguments.within_seconds);
    match runtime.block_on(until_ready(&arguments.url, within)) {
        Ok(answer) => {
            println!("{}: {}", arguments.url, answer.trim());
            ExitCode::SUCCESS
        }
        Err(answer) => {
            println!("{} is not ready: {}", arguments.url, answer.trim());
            ExitCode::from(UNAVAILABLE)
        }
    }
}

/// The answer once it is good, or the last one when the time is up.
async fn until_ready(url: &reqwest::Url, within: Duration) -> Result<String, String> {
    let client = worker_client().map_err(|error| with_causes(&error))?;
    let began = Instant::now();
    loop {
        let answer = ask(&client, url).await;
        if answer.is_ok() || began.elapsed() + PAUSE > within {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(client: &reqwest::Client, url: &reqwest::Url) -> Result<String, String> {
    let response =
        client.get(url.clone()).timeout(TIMEOUT).send().await.map_err(|error| with_causes(&error))?;
    let status = response.status();
    let body = response.text().await.map_err(|error| with_causes(&error))?;
    if status.is_success() { Ok(body) } else { Err(format!("{status}: {body}")) }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::*;

    async fn asked(answer: (StatusCode, &'static str)) -> Result<String, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/readyz", get(move || async move { answer }));
        tokio::select! {
            answer = until_ready(&url, Duration::ZERO) => answer,
            ended = async { axum::serve(listener, router).await } => panic!("{ended:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_passed_on() {
        assert_eq!(asked((StatusCode::OK, "ok\n")).await.unwrap(), "ok\n");
        let missing = asked((StatusCode::SERVICE_UNAVAILABLE, "watch of jobs: forbidden")).await.unwrap_err();
        assert!(missing.contains("503") && missing.contains("watch of jobs: forbidden"), "{missing}");
    }

    #[tokio::test]
    async fn nobody_who_answers_is_told_as_such() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        let refused = until_ready(&url, Duration::ZERO).await.unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }
}
