//! An HTTP server for small answers, with limits: connections, the size and the time of a request's header, and the
//! time of a connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How many connections are open at once. The server closes more than that at once.
const MAX_CONNECTIONS: usize = 64;
/// How long the header of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take, from its start to the end of the answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of a request's header, in bytes.
const MAX_HEADER_SIZE: usize = 8192;
/// The delay after a connection that could not be accepted, for lack of file descriptors for example.
const ACCEPT_DELAY: Duration = Duration::from_secs(1);

/// Serves one request on each connection, until the future is dropped.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    serve_limited(listener, router, MAX_CONNECTIONS).await;
}

async fn serve_limited(listener: TcpListener, router: Router, max_connections: usize) {
    let slots = Arc::new(Semaphore::new(max_connections));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "connection not accepted");
                sleep(ACCEPT_DELAY).await;
                continue;
            }
        };
        // Dropping the stream closes the connection.
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let router = router.clone();
        tokio::spawn(async move {
            serve_connection(stream, router).await;
            drop(slot);
        });
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A client that sends or reads too slowly is not an error of this process.
    let _ = timeout(CONNECTION_TIMEOUT, connection).await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    async fn server(max_connections: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "ok\n" }));
        tokio::spawn(serve_limited(listener, router, max_connections));
        address
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.unwrap()
    }

    /// Everything that the server answers until it closes the connection, which it may reset.
    async fn answer(stream: &mut TcpStream, request: &[u8]) -> String {
        let mut answer = Vec::new();
        if stream.write_all(request).await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn unfinished_header_closes_its_connection() {
        let mut stream = connect(server(1).await).await;
        let started = Instant::now();
        let answer = answer(&mut stream, b"GET / HTTP/1.1\r\nHost: loc").await;
        assert!(!answer.contains("200"), "{answer}");
        assert!((HEADER_TIMEOUT..CONNECTION_TIMEOUT).contains(&started.elapsed()), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn connection_beyond_the_limit_is_closed_at_once() {
        let address = server(2).await;
        let (mut first, _second) = (connect(address).await, connect(address).await);
        assert_eq!(answer(&mut connect(address).await, REQUEST).await, "");
        assert!(answer(&mut first, REQUEST).await.ends_with("ok\n"));
        let next = answer(&mut connect(address).await, REQUEST).await;
        assert!(next.starts_with("HTTP/1.1 200") && next.ends_with("ok\n"), "the first slot is free: {next}");
    }

    #[tokio::test]
    async fn header_beyond_its_size_is_refused() {
        let mut stream = connect(server(1).await).await;
        let request = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(2 * MAX_HEADER_SIZE));
        let answer = answer(&mut stream, request.as_bytes()).await;
        assert!(!answer.contains("200"), "{answer}");
    }
}
