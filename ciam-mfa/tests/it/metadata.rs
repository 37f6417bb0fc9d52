//! The file of the FIDO metadata service, right but for one thing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::crypto::ring;
use ciam_core::encoding::base64url;
use ciam_mfa::webauthn::{FidoMetadata, MetadataError};
use serde_json::json;
use time::macros::datetime;

use crate::attestation::p256;
use crate::certificates::{Leaf, list, tlv};

/// The file of the metadata service, with what nobody understands, or with more certificates than anybody needs.
#[test]
fn metadata_is_signed_in_a_way_that_is_understood_by_a_chain_that_has_an_end() {
    let (signer, root) = (p256(), p256());
    let now = datetime!(2026-11-26 12:00 UTC);
    let host = tlv(0x82, FidoMetadata::SERVICE.as_bytes());
    let leaf = Leaf { signer: root.clone(), ..Leaf::new(&signer) }
        .with_extension("2.5.29.17", false, list(&[host]))
        .encode();
    let maker = Leaf { authority: Some(true), ..Leaf::new(&root).with_subject(&[("2.5.4.3", "Maker")]) };
    let read = |times: usize, more: serde_json::Value| {
        let mut header = json!({ "alg": "ES256", "x5c": vec![STANDARD.encode(&leaf); times] });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let payload = json!({ "no": 7, "nextUpdate": "2026-12-01", "entries": [] });
        let encode = |value: &serde_json::Value| base64url::encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(&payload));
        let signature = base64url::encode(&signer.sign(signed.as_bytes()).unwrap());
        let file = format!("{signed}.{signature}");
        FidoMetadata::read(&*ring(), &file, &maker.encode(), None, now).map(|it| it.number)
    };
    assert_eq!(read(1, json!({})), Ok(7));
    assert_eq!(read(1, json!({ "crit": ["b64"] })), Err(MetadataError::Signature));
    assert_eq!(read(7, json!({})), Err(MetadataError::Signature));
    assert_eq!(read(0, json!({})), Err(MetadataError::Signature));
}

/// A file that is right but for its length.
#[test]
fn metadata_has_a_length_that_can_be_read() {
    let (good, root) = (include_str!("../data/mds.jwt"), include_bytes!("../data/root.der"));
    let read = |length: usize| {
        let file = [good, &" ".repeat(length - good.len())].concat();
        FidoMetadata::read(&*ring(), &file, root, None, datetime!(2026-11-26 12:00 UTC)).map(|it| it.number)
    };
    assert_eq!(read(FidoMetadata::MAX_LENGTH), Ok(42));
    assert_eq!(read(FidoMetadata::MAX_LENGTH + 1), Err(MetadataError::Malformed));
}
