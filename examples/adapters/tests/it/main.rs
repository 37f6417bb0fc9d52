//! The adapters from outside: contract suites, damaged and locked files, killed processes, real sockets.

mod http_client;
mod smtp;
mod sqlite_damage;
mod sqlite_file;
mod sqlite_group;
mod sqlite_killed;
mod support;
