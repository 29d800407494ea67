//! The destination and format of the worker's log.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use userstream_crds::model::LogLevel;
use userstream_crds::worker_config::LogFormat;

/// Starts logging to standard error. `RUST_LOG` takes precedence over `level`.
pub fn start(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) if !directives.is_empty() => {
            EnvFilter::builder().with_default_directive(level.into()).parse_lossy(directives)
        }
        // The driver logs an unreachable cluster every second; the worker logs it once.
        _ if level < LevelFilter::DEBUG => EnvFilter::new(format!("{level},scylla=off")),
        _ => EnvFilter::new(level.to_string()),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process has no effect.
    let _ = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
        LogFormat::Text => lines.with_target(false).try_init(),
    };
}
