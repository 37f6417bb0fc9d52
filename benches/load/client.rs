//! Connections that stay, and a browser without a screen.

use std::collections::BTreeMap;

use bytes::Bytes;
use ciam_benches::fixtures::Failure;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to a server on this machine.
pub(crate) struct Connection {
    port: u16,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        Ok(Self { port, sender: connect(port).await? })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, mut request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        // A server may close what nobody used for a while.
        if self.sender.ready().await.is_err() {
            self.sender = connect(self.port).await?;
        }
        request.headers_mut().insert(HOST, format!("127.0.0.1:{}", self.port).parse()?);
        let response = self.sender.send_request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A person's browser: it keeps cookies and follows redirects within the server.
pub(crate) struct Browser<'c> {
    connection: &'c mut Connection,
    cookies: BTreeMap<String, String>,
    /// Where it is, as the server in front would say.
    address: String,
}

/// Where a browser arrived.
pub(crate) enum Arrived {
    /// At a page, under this path.
    Page(String, String),
    /// Outside.
    Outside(String),
}

impl<'c> Browser<'c> {
    pub(crate) const fn new(connection: &'c mut Connection, address: String) -> Self {
        Self { connection, cookies: BTreeMap::new(), address }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Arrived, Failure> {
        self.go(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: String) -> Result<Arrived, Failure> {
        self.go(Method::POST, path, form).await
    }

    async fn go(&mut self, method: Method, path: &str, form: String) -> Result<Arrived, Failure> {
        let (mut method, mut path, mut form) = (method, path.to_owned(), form);
        for _ in 0..10 {
            let own = format!("http://127.0.0.1:{}", self.connection.port);
            let mut request =
                Request::builder().method(&method).uri(&path).header("x-forwarded-for", &self.address);
            if method == Method::POST {
                request =
                    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").header("origin", &own);
            }
            if !self.cookies.is_empty() {
                let pairs: Vec<_> =
                    self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                request = request.header(COOKIE, pairs.join("; "));
            }
            let response =
                self.connection.send(request.body(Bytes::from(std::mem::take(&mut form)))?).await?;
            for cookie in response.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = response.headers().get(LOCATION) else {
                if response.status() != StatusCode::OK {
                    return Err(format!("{path}: {} {:?}", response.status(), response.body()).into());
                }
                return Ok(Arrived::Page(path, String::from_utf8_lossy(response.body()).into_owned()));
            };
            let location = location.to_str()?;
            match location.strip_prefix(&own).or(Some(location).filter(|it| it.starts_with('/'))) {
                Some(inside) => (method, path) = (Method::GET, inside.to_owned()),
                None => return Ok(Arrived::Outside(location.to_owned())),
            }
        }
        Err("too many redirects".into())
    }
}
