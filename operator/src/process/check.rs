//! `operator check URL`: prints whether a running operator is ready. `helm test` runs it in a pod, whose image has no
//! shell and no other HTTP client.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::model::text::with_causes;
use crate::runtime::worker_client;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The delay between two requests.
const DELAY: Duration = Duration::from_secs(1);
/// The exit code when the operator is not ready in time.
const UNAVAILABLE: u8 = 69;

/// Waits until a running operator is ready.
#[derive(Debug, Parser)]
#[command(name = "operator check")]
pub struct Arguments {
    /// The readiness endpoint, such as `http://userstream.userstream-system.svc:8080/readyz`.
    pub url: reqwest::Url,
    /// How long the operator may take to become ready, in seconds.
    #[arg(long, default_value_t = 60)]
    pub within_seconds: u64,
}

/// Sends requests until one succeeds or the time is up, and prints the last answer.
#[must_use]
#[allow(clippy::print_stdout, reason = "the answer is this command's output")]
pub fn run(arguments: &Arguments) -> ExitCode {
    // Fails only when a provider is installed already.
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

/// The first successful answer, or the last one when the time is up.
async fn until_ready(url: &reqwest::Url, within: Duration) -> Result<String, String> {
    let client = worker_client().map_err(|error| with_causes(&error))?;
    let started = Instant::now();
    loop {
        let answer = get(&client, url).await;
        if answer.is_ok() || started.elapsed() + DELAY > within {
            return answer;
        }
        tokio::time::sleep(DELAY).await;
    }
}

async fn get(client: &reqwest::Client, url: &reqwest::Url) -> Result<String, String> {
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
    use axum::routing;

    use super::*;

    async fn checked(answer: (StatusCode, &'static str)) -> Result<String, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/readyz", routing::get(move || async move { answer }));
        tokio::select! {
            answer = until_ready(&url, Duration::ZERO) => answer,
            ended = async { axum::serve(listener, router).await } => panic!("{ended:?}"),
        }
    }

    #[tokio::test]
    async fn report_of_a_running_operator_is_printed() {
        assert_eq!(checked((StatusCode::OK, "ok\n")).await.unwrap(), "ok\n");
        let missing =
            checked((StatusCode::SERVICE_UNAVAILABLE, "watch of jobs: forbidden")).await.unwrap_err();
        assert!(missing.contains("503") && missing.contains("watch of jobs: forbidden"), "{missing}");
    }

    #[tokio::test]
    async fn refused_connection_is_reported() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        let refused = until_ready(&url, Duration::ZERO).await.unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }
}
