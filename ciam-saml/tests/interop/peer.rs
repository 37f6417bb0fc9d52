//! A program of another implementation: it answers a line of JSON with a line of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_saml::binding::{
    ArtifactMessage, BindingError, Direction, PostMessage, RedirectMessage, SoapMessage,
};
use ciam_saml::transport::{Incoming, Outgoing};
use serde_json::{Value, json};

use crate::matrix::Trouble;

/// A peer, and what runs it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    runtime: Runtime,
    program: &'static str,
}

enum Runtime {
    /// Debian's Python, with a module.
    Debian(&'static str),
    /// The Python that `CIAM_PYTHON` names, with a module; it needs the program `xmlsec1`.
    Environment(&'static str),
    /// Node, with a package of `tests/peers`.
    Node(&'static str),
}

/// All of them.
pub(crate) const KINDS: [Kind; 5] = [
    Kind { name: "lasso", runtime: Runtime::Debian("lasso"), program: "lasso_peer.py" },
    Kind { name: "pysaml2", runtime: Runtime::Environment("saml2"), program: "pysaml2_peer.py" },
    Kind {
        name: "python3-saml",
        runtime: Runtime::Debian("onelogin.saml2"),
        program: "python3_saml_peer.py",
    },
    Kind { name: "node-saml", runtime: Runtime::Node("@node-saml/node-saml"), program: "node-saml.mjs" },
    Kind { name: "samlify", runtime: Runtime::Node("samlify"), program: "samlify.mjs" },
];

impl Kind {
    /// The interpreter, when it has what the peer is.
    fn interpreter(&self) -> Result<PathBuf, String> {
        let has = |python: &Path, module: &str| {
            let tried = Command::new(python).args(["-c", &format!("import {module}")]).output();
            tried.is_ok_and(|output| output.status.success())
        };
        match self.runtime {
            Runtime::Debian(module) => {
                let named = std::env::var_os("CIAM_SAML_PYTHON").map(PathBuf::from);
                let python = named.unwrap_or_else(|| PathBuf::from("/usr/bin/python3"));
                if has(&python, module) {
                    Ok(python)
                } else {
                    Err(format!("Debian's Python has no {module}"))
                }
            }
            Runtime::Environment(module) => {
                let named = std::env::var_os("CIAM_PYTHON").map(PathBuf::from);
                let python = named.filter(|it| has(it, module));
                let python = python.ok_or_else(|| format!("CIAM_PYTHON names no Python with {module}"))?;
                let xmlsec = Command::new("xmlsec1").arg("--version").output();
                if xmlsec.is_ok_and(|output| output.status.success()) {
                    Ok(python)
                } else {
                    Err(format!("{module} needs the program xmlsec1"))
                }
            }
            Runtime::Node(package) => {
                let there = Command::new("node").arg("--version").output();
                if !there.is_ok_and(|output| output.status.success()) {
                    return Err("Node is not installed".to_owned());
                }
                if folder().join("node_modules").join(package).exists() {
                    Ok("node".into())
                } else {
                    Err(format!("{package} is not installed (npm ci in ciam-saml/tests/peers)"))
                }
            }
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// A peer that runs.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Mutex<Pipe>>);

struct Pipe {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(kind: &Kind) -> Result<Self, String> {
        let interpreter = kind.interpreter()?;
        let mut child = Command::new(interpreter)
            .arg(kind.program)
            .current_dir(folder())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Ok(Self(Arc::new(Mutex::new(Pipe { name: kind.name, child, input, output }))))
    }

    /// Asks it to do something.
    pub(crate) fn ask(&self, what: &str, mut request: Value) -> Result<Value, Trouble> {
        let mut pipe = self.0.lock().unwrap();
        request.as_object_mut().unwrap().insert("do".to_owned(), what.into());
        writeln!(pipe.input, "{request}").and_then(|()| pipe.input.flush()).unwrap();
        let mut line = String::new();
        pipe.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{} answers {what} with {line:?}: {error}", pipe.name));
        if let Some(why) = answer.get("lacks") {
            return Err(Trouble::Lacks(text(why)));
        }
        match answer.get("error") {
            Some(why) => Err(Trouble::Failed(format!("it cannot {what}: {}", text(why)))),
            None => Ok(answer),
        }
    }

    pub(crate) fn version(&self) -> String {
        self.ask("version", json!({})).map(|it| text(&it["version"])).unwrap_or_default()
    }

    /// Ends it.
    pub(crate) fn end(self) {
        let pipe = Arc::into_inner(self.0).unwrap().into_inner().unwrap();
        let Pipe { mut child, input, .. } = pipe;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

/// The way from our server to the peer's, for messages of logout: what is sent there is answered by the peer.
pub(crate) struct Wire {
    peer: Peer,
    /// Who is signed out, or why it did not work.
    heard: Mutex<Option<Result<String, Trouble>>>,
}

impl Wire {
    pub(crate) fn to(peer: &Peer) -> Arc<Self> {
        Arc::new(Self { peer: peer.clone(), heard: Mutex::new(None) })
    }

    pub(crate) fn heard(&self) -> Result<String, Trouble> {
        let heard = self.heard.lock().unwrap().take();
        heard.unwrap_or_else(|| Err(Trouble::Failed("nothing was sent".to_owned())))
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn resolve(&self, _host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([8, 8, 8, 8], port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        let soap = String::from_utf8_lossy(request.request.body()).into_owned();
        let answer = self.peer.ask("answer_logout", json!({ "soap": soap }));
        let (heard, body) = match answer {
            Ok(answer) => (Ok(text(&answer["name_id"])), text(&answer["soap"])),
            Err(trouble) => (Err(trouble), String::new()),
        };
        *self.heard.lock().unwrap() = Some(heard);
        let response = http::Response::builder().header("content-type", "text/xml");
        response.body(Bytes::from(body)).map_err(PortError::permanent)
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What we send, as a browser would bring it.
pub(crate) fn brought(outgoing: &Outgoing) -> Value {
    match outgoing {
        Outgoing::Redirect(url) => json!({ "query": url.split_once('?').unwrap().1 }),
        Outgoing::Post(form) => {
            let mut fields = json!({ form.direction.parameter(): form.message });
            if let Some(state) = &form.relay_state {
                fields.as_object_mut().unwrap().insert("RelayState".to_owned(), state.as_str().into());
            }
            json!({ "fields": fields })
        }
    }
}

/// Its message from server to server.
pub(crate) fn soap(answer: &Value) -> Result<SoapMessage, Trouble> {
    let xml = answer.get("soap").map(text).unwrap_or_default();
    SoapMessage::parse(xml.as_bytes()).map_err(|error| Trouble::failed("its envelope does not arrive", error))
}

/// Its artifact.
pub(crate) fn artifact(answer: &Value, to: &str) -> Result<ArtifactMessage, Trouble> {
    let url = answer.get("url").map(text).unwrap_or_default();
    match url.split_once('?') {
        Some((place, query)) if place == to => ArtifactMessage::parse(query.as_bytes())
            .map_err(|error| Trouble::failed("its artifact does not arrive", error)),
        _ => Err(Trouble::Failed(format!("it sends the browser to {url}"))),
    }
}

/// What it sends, as a browser would bring it.
pub(crate) enum Brought {
    Redirect(Box<RedirectMessage>),
    Post(Box<PostMessage>),
}

impl Brought {
    /// Reads an answer that says where the browser goes; it has to go there.
    pub(crate) fn read(answer: &Value, to: &str) -> Result<Self, Trouble> {
        let failed = |error: BindingError| Trouble::failed("its message does not arrive", error);
        if let Some(url) = answer.get("url") {
            let url = text(url);
            let (place, query) = url.split_once('?').unwrap_or((&url, ""));
            if place != to {
                return Err(Trouble::Failed(format!("it sends the browser to {place}")));
            }
            return Ok(Self::Redirect(Box::new(RedirectMessage::from_raw_query(query).map_err(failed)?)));
        }
        let action = answer.get("action").map(text).unwrap_or_default();
        if action != to {
            return Err(Trouble::Failed(format!("it sends the form to {action}")));
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in answer.get("fields").and_then(Value::as_object).into_iter().flatten() {
            form.append_pair(name, &text(value));
        }
        Ok(Self::Post(Box::new(PostMessage::parse(form.finish().as_bytes()).map_err(failed)?)))
    }

    pub(crate) fn incoming(&self) -> Incoming<'_> {
        match self {
            Self::Redirect(message) => Incoming::Redirect(message),
            Self::Post(message) => Incoming::Post(message),
        }
    }

    pub(crate) fn post(&self) -> Result<&PostMessage, Trouble> {
        match self {
            Self::Post(message) => Ok(message),
            Self::Redirect(_) => Err(Trouble::Failed("it answers by redirect".to_owned())),
        }
    }

    /// The document.
    pub(crate) fn xml(&self, direction: Direction) -> String {
        let xml = match self {
            Self::Redirect(message) => message.xml(direction),
            Self::Post(message) => message.xml(direction),
        };
        String::from_utf8_lossy(xml.unwrap_or_default()).into_owned()
    }
}
