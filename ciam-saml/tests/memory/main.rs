//! What the aggregate of a federation takes of memory while it is read, as an allocator counts it that does nothing else.
//!
//! A federation of federations has 100 MB. With optimisation it is also said how long that takes:
//!
//!     cargo test --release -p ciam-saml --test memory -- --nocapture

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that panics is a test that fails, and this one says what it measured"
)]

#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with the other suite")]
mod support;

use std::fmt::Write as _;
use std::time::Instant;

use ciam_core::crypto::DigestAlgorithm;
use ciam_saml::metadata::{MetadataError, MetadataTrust};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::*;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const MB: u64 = 1024 * 1024;

/// An aggregate of so many bytes, with entities of 9 KB as federations have them, in canonical form.
fn aggregate(bytes: usize) -> (String, usize) {
    let certificate = b64(&IDP.certificate);
    let mut content = String::with_capacity(bytes + 64 * 1024);
    let mut count = 0;
    while content.len() < bytes {
        let name = format!("https://idp-{count}.example/metadata");
        write!(content, "\n  <md:EntityDescriptor entityID=\"{name}\"><md:Extensions>").unwrap();
        for language in ["en", "de", "fr", "it", "es", "pt", "nl", "sv"] {
            write!(
                content,
                "<mdui:Description xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\" xml:lang=\"{language}\">{}</mdui:Description>",
                "The university of somewhere, where everybody signs in. ".repeat(6)
            )
            .unwrap();
        }
        content.push_str("</md:Extensions><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">");
        for _ in 0..3 {
            write!(
                content,
                "<md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>\n{certificate}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            )
            .unwrap();
        }
        for binding in ["HTTP-Redirect", "HTTP-POST", "SOAP"] {
            write!(
                content,
                "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"https://idp-{count}.example/sso/{binding}\"></md:SingleSignOnService>"
            )
            .unwrap();
        }
        content.push_str("</md:IDPSSODescriptor></md:EntityDescriptor>");
        count += 1;
    }
    let head = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{MD}\" ID=\"_whole\" validUntil=\"2026-01-08T00:00:00Z\">"
    );
    let tail = "</md:EntitiesDescriptor>";
    let mut digester = CRYPTO.digester(DigestAlgorithm::Sha256);
    for piece in [&head, &content, tail] {
        digester.update(piece.as_bytes());
    }
    let digest_value = Some(b64(digester.finish().as_ref()));
    let signature = Recipe { digest_value, ..Recipe::new("_whole") }.signature(&IDP, "");
    content.insert_str(0, &(head + &signature));
    content.push_str(tail);
    (content, count)
}

/// How many bytes there were at once, the document among them.
fn peak(text: &str, trust: &MetadataTrust, entities: usize) -> u64 {
    // Keys and tables are made before, whoever needs them first.
    let (trust, crypto) = (trust.clone(), CRYPTO.clone());
    let begin = Instant::now();
    let mut loaded: Option<Result<usize, MetadataError>> = None;
    let info = allocation_counter::measure(|| {
        let body = text.as_bytes().to_vec();
        let whole = trust.load(&*crypto, &body, None, NOW);
        drop(body);
        loaded = Some(whole.map(|whole| whole.entities.len()));
    });
    assert_eq!(loaded, Some(Ok(entities)));
    println!(
        "{:.1} MB in {:.2} s, {entities} entities kept: {:.1} MiB of memory at most, {:.1} MiB beside the document",
        text.len() as f64 / 1e6,
        begin.elapsed().as_secs_f64(),
        info.bytes_max as f64 / MB as f64,
        info.bytes_max.saturating_sub(text.len() as u64) as f64 / MB as f64,
    );
    info.bytes_max
}

fn trust() -> MetadataTrust {
    MetadataTrust::new(IDP.trusted()).with_bytes(MetadataTrust::FEDERATION_BYTES)
}

#[test]
fn an_aggregate_takes_little_beside_itself() {
    let (text, count) = aggregate(8_000_000);
    let document = text.len() as u64;
    let few = trust().with_only(["https://idp-7.example/metadata", "https://idp-70.example/metadata"]);
    let beside = peak(&text, &few, 2) - document;
    assert!(beside < MB, "{beside} bytes for two entities of many");
    let beside = peak(&text, &trust(), count) - document;
    assert!(beside < document, "{beside} bytes for all of them: less than the document itself");
}

#[test]
fn a_hundred_megabytes_fit_into_256() {
    let (text, count) = aggregate(100 * 1_048_576);
    assert!(text.len() as u64 > 100 * MB);
    assert!(peak(&text, &trust(), count) < 256 * MB);
    if cfg!(not(debug_assertions)) {
        // The same with less to do, for which a build without optimisation takes as long again.
        assert!(peak(&text, &trust().with_only(["https://idp-7.example/metadata"]), 1) < 128 * MB);
    }
    drop(text);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        // The document is there twice, once as what the test keeps of it.
        for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
            println!("the process, with the test's own copy: {line}");
        }
    }
}
