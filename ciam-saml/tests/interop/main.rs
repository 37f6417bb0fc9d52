//! Sign-in and logout with the implementations of others, in both roles where the other has both.
//!
//! Prints a table of what was tried with each peer. It fails when something does not work, when something was not tried, and
//! when the table is not the one of the [manual](ciam_saml::manual::_03_interop). What a peer lacks, it says itself.
//!
//! The peers are programs in `tests/peers`: two are Python packages of Debian, one is from PyPI (for the interpreter that
//! `CIAM_PYTHON` names), two are from npm (`npm ci` there). Without them this says what it skips, or fails where
//! `CIAM_REQUIRE_ALL` is set.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that panics is a test that fails, and this one prints a table"
)]

#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with the other suites")]
mod support;

mod matrix;
mod peer;
mod provider;
mod service;
mod setting;

use matrix::{Feature, Matrix, Role};
use peer::{KINDS, Peer};

fn main() {
    let mut matrix = Matrix::default();
    for kind in &KINDS {
        let peer = match Peer::start(kind) {
            Ok(peer) => peer,
            Err(why) => {
                assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
                println!("SKIPPED: {why}");
                matrix.skip(kind.name);
                continue;
            }
        };
        for feature in Feature::ALL {
            matrix.add(kind.name, Role::Service, feature, service::try_out(&peer, feature));
            matrix.add(kind.name, Role::Provider, feature, provider::try_out(&peer, feature));
        }
        matrix.version(kind.name, peer.version());
        peer.end();
    }
    matrix.finish();
}
