//! Servers that hang, truncate their response, send too much or send something else.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::{TcpSocket, TcpStream};
use userstream_crds::model::{HttpSource, Retry};

use crate::server::{Server, Step, json, response};
use crate::{describe, fails, open_local, records, run};

/// Long enough to connect on a busy machine, short enough for a test.
const SHORT: Duration = Duration::from_millis(400);

fn with_short_timeout(url: &str) -> HttpSource {
    HttpSource { timeout: SHORT, ..describe(url) }
}

async fn cause_of(steps: Vec<Step>) -> (&'static str, bool) {
    let server = Server::start(move |_, _| steps.clone()).await;
    fails(&mut open_local(&describe(&server.url("/")))).await
}

fn head(headers: &str) -> Step {
    Step::Send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes())
}

#[tokio::test]
async fn incomplete_response_times_out_after_the_total_timeout() {
    let hangs = [
        ("before the head", vec![Step::Hang]),
        ("in the head", vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec()), Step::Hang]),
        ("before the body", vec![head("content-length: 5\r\n"), Step::Hang]),
        ("in the body", vec![head("content-length: 5\r\n"), Step::Send(b"[1".to_vec()), Step::Hang]),
        ("while it drips", vec![head("content-length: 1000000\r\n"), Step::Drip(b' ')]),
        ("while it drips the head", vec![Step::Send(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), Step::Drip(b'x')]),
    ];
    for (place, steps) in hangs {
        let server = Server::start(move |_, _| steps.clone()).await;
        let start = Instant::now();
        let failed = fails(&mut open_local(&with_short_timeout(&server.url("/")))).await;
        assert_eq!(failed, ("timeout", true), "{place}");
        assert!(start.elapsed() >= SHORT, "{place}: timed out early");
    }
}

#[tokio::test]
async fn connection_that_is_not_accepted_times_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // Fills the accept queue of the listener, so that the kernel completes no further connection.
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    let start = Instant::now();
    let failed = fails(&mut open_local(&with_short_timeout(&format!("http://{address}/")))).await;
    assert_eq!(failed, ("timeout", true));
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn run_succeeds_after_one_that_timed_out() {
    let hang_once = |number, _: &_| if number == 0 { vec![Step::Hang] } else { json("[1]") };
    let server = Server::start(hang_once).await;
    let mut source = open_local(&HttpSource { timeout: SHORT * 5, ..describe(&server.url("/")) });
    assert_eq!(fails(&mut source).await, ("timeout", true));
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn refused_connection_is_transient() {
    // Bound but not listening, so that the port refuses connections and no other test can take it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let failed = fails(&mut open_local(&describe(&format!("http://{address}/")))).await;
    assert_eq!(failed, ("connect", true));
}

#[tokio::test]
async fn truncated_response_is_never_read_as_a_short_one() {
    for steps in [
        vec![Step::Close],
        vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent".to_vec()), Step::Close],
        vec![head("content-length: 100\r\n"), Step::Send(b"[1,2]".to_vec()), Step::Close],
        vec![head("transfer-encoding: chunked\r\n"), Step::Send(b"5\r\n[1,2]\r\n".to_vec()), Step::Close],
        vec![head("transfer-encoding: chunked\r\n"), Step::Send(b"5\r\n[1,".to_vec()), Step::Close],
    ] {
        assert_eq!(cause_of(steps.clone()).await, ("connection_lost", true), "{steps:?}");
    }
    // Without a content length, the truncation shows in the JSON alone.
    let unbounded = vec![head("connection: close\r\n"), Step::Send(b"[1,2".to_vec()), Step::Close];
    assert_eq!(cause_of(unbounded).await, ("not_json", false));
}

#[tokio::test]
async fn lost_connection_is_retried() {
    let server = Server::start(|number, _| match number {
        0 => vec![head("content-length: 100\r\n"), Step::Send(b"[1".to_vec()), Step::Close],
        1 => vec![Step::Close],
        2 => response(503, &[], b"busy"),
        _ => json("[1]"),
    })
    .await;
    let retry = Retry { max_attempts: 4.try_into().unwrap(), ..describe("http://a/").retry };
    let mut source = open_local(&HttpSource { retry, ..describe(&server.url("/")) });
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn body_is_bounded_on_the_wire() {
    let endless_chunks =
        || Step::Endless(b"400\r\n".iter().copied().chain([b' '; 1024]).chain(*b"\r\n").collect());
    for steps in [
        vec![head("content-length: 1073741824\r\n"), Step::Endless(vec![b' '; 1024])],
        vec![head("transfer-encoding: chunked\r\n"), endless_chunks()],
        vec![head("connection: close\r\n"), Step::Endless(vec![b' '; 1024])],
        vec![head("content-encoding: gzip\r\n"), Step::Send(gzip_head()), Step::Endless(empty_gzip_blocks())],
    ] {
        assert_eq!(cause_of(steps).await, ("body_too_large", false));
    }
}

/// The head of a gzip stream.
fn gzip_head() -> Vec<u8> {
    vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
}

/// Empty stored blocks: an endless stream that decompresses to nothing.
fn empty_gzip_blocks() -> Vec<u8> {
    [0, 0, 0, 0xff, 0xff].repeat(200)
}

#[tokio::test]
async fn body_is_bounded_after_decompression() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 32 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 16);
    assert_eq!(
        cause_of(response(200, &[("content-encoding", "gzip")], &bomb)).await,
        ("body_too_large", false)
    );
}

#[tokio::test]
async fn gzip_body_is_read_and_a_corrupt_one_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"[1,2]").unwrap();
    let compressed = encoder.finish().unwrap();
    let encoding = [("content-encoding", "gzip")];
    let server = Server::start({
        let whole = response(200, &encoding, &compressed);
        move |_, _| whole.clone()
    })
    .await;
    let pages = run(&mut open_local(&describe(&server.url("/"))), None).await.unwrap();
    assert_eq!(records(&pages), ["1", "2"]);
    assert_eq!(server.received()[0].header("accept-encoding"), Some("gzip"));
    let cut = response(200, &encoding, &compressed[..compressed.len() - 4]);
    assert_eq!(cause_of(cut).await, ("content_encoding", false));
    assert_eq!(
        cause_of(response(200, &[("content-encoding", "br")], b"[1]")).await,
        ("content_encoding", false)
    );
}

#[tokio::test]
async fn causes_distinguish_http_json_and_charset_errors() {
    assert_eq!(
        cause_of(vec![Step::Send(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), Step::Close]).await,
        ("not_http", true)
    );
    let html = response(200, &[("content-type", "text/html")], b"<html>Please log in</html>");
    assert_eq!(cause_of(html).await, ("not_json", false));
    let latin = response(200, &[("content-type", "application/json; charset=iso-8859-1")], b"[\"\xe9\"]");
    assert_eq!(cause_of(latin).await, ("charset", false));
    assert_eq!(cause_of(json("\"\u{0}")).await, ("not_json", false));
    assert_eq!(cause_of(response(200, &[], b"[\"\xff\"]")).await, ("charset", false));
    assert_eq!(cause_of(json(&"[".repeat(100_000))).await, ("too_deep", false));
}

#[tokio::test]
async fn headers_are_bounded() {
    let many = vec![head(""), Step::Close];
    assert_eq!(cause_of(many).await.0, "not_json", "an empty head is valid");
    let mut lines = vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec())];
    lines.push(Step::Endless(b"x-header: value\r\n".to_vec()));
    assert_eq!(cause_of(lines).await, ("not_http", true));
    let long = vec![Step::Send(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), Step::Endless(vec![b'x'; 4_096])];
    assert_eq!(cause_of(long).await, ("not_http", true));
}

#[tokio::test]
async fn pages_share_a_connection() {
    let server = Server::start(|_, _| json("[1]")).await;
    let mut source = open_local(&describe(&server.url("/")));
    for _ in 0..3 {
        run(&mut source, None).await.unwrap();
    }
    assert_eq!((server.received().len(), server.connections()), (3, 1));
}
