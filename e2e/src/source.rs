//! A scripted HTTP source, which records its requests: it serves, fails, hangs, truncates, or sends a gzip bomb.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A received request.
#[derive(Debug, Clone)]
pub struct Request {
    /// When its head was complete.
    pub at: Instant,
    /// Its method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query's parameters, without percent-decoding, which no test requires.
    pub query: BTreeMap<String, String>,
    /// Its headers, by lower-case names.
    pub headers: BTreeMap<String, String>,
}

/// The reply to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// 200 with this JSON.
    Json(String),
    /// This status and these headers, without a body.
    Status(u16, Vec<(&'static str, String)>),
    /// No byte; the connection stays open.
    Hang,
    /// 200 and half of this body; the connection stays open.
    HangInBody(String),
    /// 200 with the length of this body and half of its bytes; the connection is closed.
    Truncated(String),
    /// 200 with a gzipped body, such as a [`gzip_bomb`].
    Gzipped(Arc<[u8]>),
}

/// A running source on a free port of loopback. It stops when it is dropped.
#[derive(Debug)]
pub struct Source {
    /// `http://host:port`, without a path.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Source {
    /// Starts a source. `script` returns the reply to each request; the number counts requests from 0.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("the socket is bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, received) = (Arc::new(script), requests.clone());
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (script, received) = (script.clone(), received.clone());
                // A client may disconnect at any time, which is not a failure of the test.
                tokio::spawn(async move { serve(connection, script.as_ref(), &received).await.ok() });
            }
        });
        Self { url, requests, serving }
    }

    /// Every request so far, in order.
    ///
    /// # Panics
    /// When a script panicked.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no script panicked").clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    script: &(impl Fn(usize, &Request) -> Reply + Sync),
    received: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let Some(request) = read_request(&mut connection).await? else { return Ok(()) };
    let number = {
        let mut received = received.lock().expect("no script panicked");
        received.push(request.clone());
        received.len() - 1
    };
    let reply = script(number, &request);
    write_reply(&mut connection, reply).await?;
    connection.shutdown().await
}

async fn read_request(connection: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    loop {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&bytes).is_ok_and(|status| status.is_complete()) {
            let (path, query) = request
                .path
                .unwrap_or_default()
                .split_once('?')
                .unwrap_or((request.path.unwrap_or_default(), ""));
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            return Ok(Some(Request {
                at: Instant::now(),
                method: request.method.unwrap_or_default().to_owned(),
                path: path.to_owned(),
                query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                headers: request
                    .headers
                    .iter()
                    .map(|header| {
                        (header.name.to_lowercase(), String::from_utf8_lossy(header.value).into_owned())
                    })
                    .collect(),
            }));
        }
    }
}

async fn write_reply(connection: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let json = |length: usize, encoding: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{encoding}content-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    match reply {
        Reply::Json(body) => {
            connection.write_all(json(body.len(), "").as_bytes()).await?;
            connection.write_all(body.as_bytes()).await
        }
        Reply::Status(code, headers) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!(
                "HTTP/1.1 {code} Scripted\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n"
            );
            connection.write_all(head.as_bytes()).await
        }
        Reply::Hang => std::future::pending().await,
        Reply::HangInBody(body) => {
            connection.write_all(json(body.len(), "").as_bytes()).await?;
            connection.write_all(&body.as_bytes()[..body.len() / 2]).await?;
            std::future::pending().await
        }
        Reply::Truncated(body) => {
            connection.write_all(json(body.len(), "").as_bytes()).await?;
            connection.write_all(&body.as_bytes()[..body.len() / 2]).await
        }
        Reply::Gzipped(body) => {
            connection.write_all(json(body.len(), "content-encoding: gzip\r\n").as_bytes()).await?;
            connection.write_all(&body).await
        }
    }
}

/// JSON with a string of so many bytes, gzipped to a thousandth of its size. Building it takes seconds, so share it between
/// replies.
///
/// # Panics
/// Never: a write into a vector does not fail.
pub fn gzip_bomb(bytes: usize) -> Arc<[u8]> {
    try_gzip_bomb(bytes).expect("a write into a vector does not fail").into()
}

fn try_gzip_bomb(bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"{\"results\":[{\"login\":{\"uuid\":\"")?;
    let block = [b'0'; 1 << 16];
    for _ in 0..bytes.div_ceil(block.len()) {
        encoder.write_all(&block)?;
    }
    encoder.write_all(b"\"}}]}")?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(source: &Source, path: &str) -> Vec<u8> {
        let mut connection = TcpStream::connect(source.url.trim_start_matches("http://")).await.unwrap();
        connection
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: here\r\nX-Token: a\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply).await.unwrap();
        reply
    }

    #[tokio::test]
    async fn script_receives_the_request_and_returns_the_reply() {
        let source = Source::start(|number, request| {
            assert_eq!(request.headers["x-token"], "a");
            match request.query.get("page").map(String::as_str) {
                Some("2") => Reply::Truncated("{\"results\":[]}".to_owned()),
                _ => Reply::Status(429, vec![("retry-after", number.to_string())]),
            }
        })
        .await;
        let refused = String::from_utf8(get(&source, "/api").await).unwrap();
        assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 0\r\n"), "{refused}");
        let cut = String::from_utf8(get(&source, "/api?page=2").await).unwrap();
        assert!(cut.contains("content-length: 14\r\n") && cut.ends_with("\r\n\r\n{\"resul"), "{cut}");
        let paths: Vec<_> = source.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, ["/api", "/api"]);
    }

    #[tokio::test]
    async fn gzip_bomb_is_small_on_the_wire() {
        let source = Source::start(|_, _| Reply::Gzipped(gzip_bomb(8 << 20))).await;
        assert!(get(&source, "/").await.len() < 16 << 10);
    }
}
