//! The servers that are compared, each a process on the first core.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ciam_benches::fixtures::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, on ports in memory.
    Ciam,
    /// npm oidc-provider, on its memory adapter.
    Peer,
    /// An axum handler that signs a token.
    Sign,
    /// An axum handler that answers a form as JSON.
    Echo,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Ciam, Self::Peer, Self::Sign, Self::Echo];
    pub(crate) const OURS: [Self; 3] = [Self::Ciam, Self::Sign, Self::Echo];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ciam => "ciam",
            Self::Peer => "oidc-provider",
            Self::Sign => "axum that only signs",
            Self::Echo => "axum that echoes a form",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A running server, killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    child: Child,
}

impl Server {
    /// Starts one; `None` when it cannot be had.
    pub(crate) fn start(kind: Kind) -> Result<Option<Self>, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = match kind {
            Kind::Peer if !install() => {
                eprintln!("SKIPPED: oidc-provider needs Node and npm");
                return Ok(None);
            }
            Kind::Peer => {
                let mut node = Command::new("node");
                node.current_dir(folder()).arg("provider.mjs");
                node
            }
            _ => {
                let mut own = Command::new(std::env::current_exe()?);
                own.args(["serve", kind.name()]);
                own
            }
        };
        command.arg(port.to_string()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { kind, port, child: command.spawn()? };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                pin(server.child.id(), 0);
                return Ok(Some(server));
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{} ended with {status}", kind.name()).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{} does not listen", kind.name()).into())
    }

    /// How much memory it has, in megabytes.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1000.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Keeps a process with all its threads on one core, where `taskset` is there to do it.
pub(crate) fn pin(process: u32, core: usize) {
    let (core, process) = (core.to_string(), process.to_string());
    let pinned =
        Command::new("taskset").args(["-a", "-c", "-p", &core, &process]).stdout(Stdio::null()).status();
    if !pinned.is_ok_and(|status| status.success()) {
        eprintln!("process {process} is not bound to a core: no taskset, or no such core");
    }
}

fn install() -> bool {
    let there = folder().join("node_modules/oidc-provider").exists();
    there
        || Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/load"))
}
