//! A PostgreSQL server of a test's own, which it may stop.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{TempDir, skip};

/// A server in a directory of its own, on a port of its own.
pub(crate) struct Server {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Server {
    /// Makes and starts a server; `None`, said in a line, where there is no PostgreSQL to make it from.
    pub(crate) fn start_new() -> Option<Self> {
        let Some(programs) = programs() else {
            skip("the programs of PostgreSQL are not installed; bash .ci/services installs them");
            return None;
        };
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let server = Self { directory: TempDir::new(), programs, port };
        let home = server.directory.file("");
        // PostgreSQL refuses to run as root, so root makes it run as its own user.
        assert!(Command::new("chmod").arg("0777").arg(&home).status().unwrap().success());
        let data = server.data();
        server.run("initdb", &["--auth=trust", "--username=ciam", "--encoding=UTF8", "--pgdata", &data]);
        server.start();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://ciam@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    pub(crate) fn start(&self) {
        let (data, log) = (self.data(), self.directory.file("log").display().to_string());
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=50",
            self.port
        );
        self.run("pg_ctl", &["start", "--wait", "--pgdata", &data, "--log", &log, "--options", &options]);
    }

    /// Stops it: `fast` ends every session in good order, `immediate` is a crash.
    pub(crate) fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "--wait", "--pgdata", &self.data(), "--mode", mode]);
    }

    fn data(&self) -> String {
        self.directory.file("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).status().unwrap().success(), "{program}");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["--user", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        let _stopped = self.command("pg_ctl", &["stop", "--pgdata", &data, "--mode", "immediate"]).status();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
