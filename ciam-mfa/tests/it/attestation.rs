//! What authenticators say of themselves, and every way to say it wrongly: certificates and statements that are right but for one
//! thing. That what is right is accepted, the test vectors show as well.

use std::sync::Arc;

use ciam_core::crypto::{PublicKey, SignatureScheme, SigningKey, ring, sha256};
use ciam_core::encoding::base64url;
use ciam_mfa::webauthn::{
    AttestationPolicy, NoTrust, PasskeyRecord, RegistrationResponse, RelyingParty, TrustedAnchors,
    UserVerification, WebauthnError,
};
use time::macros::datetime;

use crate::authenticator::{ELIGIBLE, PRESENT, VERIFIED, bytes, cose_key, der, text};
use crate::certificates::{Leaf, explicit, integer, list, names, octets, oid, tlv};
use crate::passkeys::relying_party;

const CHALLENGE: [u8; 32] = [7; 32];
const ID: &[u8] = b"credential-1";
const MODEL: [u8; 16] = [9; 16];
const ES256: &[u8] = &[0x26];

pub(crate) type Key = Arc<dyn SigningKey>;

fn key(scheme: SignatureScheme) -> Key {
    let pkcs8 = ring().generate_signing_key(scheme).unwrap();
    ring().signing_key(scheme, pkcs8.expose()).unwrap()
}

pub(crate) fn p256() -> Key {
    key(SignatureScheme::EcdsaP256Sha256)
}

/// A registration whose statement is to be made.
struct Made {
    key: Key,
    flags: u8,
    model: [u8; 16],
}

impl Made {
    fn new() -> Self {
        Self { key: p256(), flags: PRESENT | VERIFIED, model: MODEL }
    }

    fn data(&self) -> Vec<u8> {
        let mut data = sha256(b"example.com").to_vec();
        data.push(self.flags | 0x40);
        data.extend([0; 4]);
        data.extend(self.model);
        data.extend(u16::try_from(ID.len()).unwrap().to_be_bytes());
        data.extend(ID);
        data.extend(cose_key(&*self.key));
        data
    }

    fn client_data() -> Vec<u8> {
        let challenge = base64url::encode(&CHALLENGE);
        format!(r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"https://id.example.com"}}"#)
            .into_bytes()
    }

    /// What most formats sign.
    fn signed(&self) -> Vec<u8> {
        [self.data(), sha256(&Self::client_data()).to_vec()].concat()
    }

    fn register(
        &self,
        party: &RelyingParty,
        format: &str,
        statement: &[u8],
    ) -> Result<PasskeyRecord, WebauthnError> {
        let object = [
            &[0xa3][..],
            &text("fmt"),
            &text(format),
            &text("attStmt"),
            statement,
            &text("authData"),
            &bytes(&self.data()),
        ]
        .concat();
        let response = RegistrationResponse::new(ID, &Self::client_data(), &object);
        let now = datetime!(2026-11-26 12:00 UTC);
        let made =
            party.verify_registration(&*ring(), &CHALLENGE, UserVerification::Preferred, &response, now);
        made.map(|made| made.passkey)
    }
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut map = vec![0xa0 | u8::try_from(entries.len()).unwrap()];
    for (name, value) in entries {
        map.extend([text(name), value.clone()].concat());
    }
    map
}

fn chain(certificates: &[Vec<u8>]) -> Vec<u8> {
    let head = vec![0x80 | u8::try_from(certificates.len()).unwrap()];
    certificates.iter().fold(head, |all, one| [all, bytes(one)].concat())
}

fn signature(key: &dyn SigningKey, message: &[u8]) -> Vec<u8> {
    bytes(&der(&key.sign(message).unwrap()))
}

fn refused(reason: &'static str) -> WebauthnError {
    WebauthnError::Attestation { reason }
}

/// A party that believes this certificate, whatever it is of.
fn believing(format: &str, certificate: &[u8], policy: AttestationPolicy) -> RelyingParty {
    let trust = TrustedAnchors::new().with_format(format, certificate.to_vec()).unwrap();
    relying_party().with_attestation(policy, Arc::new(trust))
}

// Packed.

fn packed_leaf(key: &Key) -> Leaf {
    Leaf::new(key).with_subject(&[
        ("2.5.4.6", "FR"),
        ("2.5.4.10", "Example"),
        ("2.5.4.11", "Authenticator Attestation"),
        ("2.5.4.3", "One"),
    ])
}

fn packed(made: &Made, signer: &Key, certificates: &[Vec<u8>]) -> Vec<u8> {
    let signature = signature(&**signer, &made.signed());
    map(&[("alg", ES256.to_vec()), ("sig", signature), ("x5c", chain(certificates))])
}

const AAGUID: &str = "1.3.6.1.4.1.45724.1.1.4";

#[test]
fn a_packed_statement_is_made_by_an_authenticator_of_the_model() {
    const SUBJECT: &str = "the certificate's subject is not that of an authenticator";
    type Row = (&'static str, Box<dyn Fn(Leaf) -> Leaf>, Result<(), WebauthnError>);
    let with = |leaf: Leaf, at: usize, value: &str| {
        let mut subject = leaf.subject.clone();
        value.clone_into(&mut subject[at].1);
        Leaf { subject, ..leaf }
    };
    let rows: Vec<Row> = vec![
        ("right", Box::new(|leaf| leaf), Ok(())),
        ("of the model", Box::new(|leaf| leaf.with_extension(AAGUID, false, octets(&MODEL))), Ok(())),
        (
            "of another model",
            Box::new(|leaf| leaf.with_extension(AAGUID, false, octets(&[8; 16]))),
            Err(refused("the certificate is of another model")),
        ),
        (
            "the model is critical",
            Box::new(|leaf| leaf.with_extension(AAGUID, true, octets(&MODEL))),
            Err(refused("the certificate is of another model")),
        ),
        (
            "the model is no model",
            Box::new(|leaf| leaf.with_extension(AAGUID, false, MODEL.to_vec())),
            Err(refused("the model cannot be read")),
        ),
        (
            "version 1",
            Box::new(|leaf| Leaf { version: 0, ..leaf }),
            Err(refused("the certificate is not of version 3")),
        ),
        (
            "an authority",
            Box::new(|leaf| Leaf { authority: Some(true), ..leaf }),
            Err(refused("the certificate is one of an authority")),
        ),
        ("another unit", Box::new(move |leaf| with(leaf, 2, "Authenticators")), Err(refused(SUBJECT))),
        ("a long country", Box::new(move |leaf| with(leaf, 0, "FRA")), Err(refused(SUBJECT))),
        ("no country", Box::new(|leaf| without(leaf, 0)), Err(refused(SUBJECT))),
        ("no organization", Box::new(|leaf| without(leaf, 1)), Err(refused(SUBJECT))),
        ("no name", Box::new(|leaf| without(leaf, 3)), Err(refused(SUBJECT))),
        ("two countries", Box::new(|leaf| twice(leaf, 0)), Err(refused(SUBJECT))),
        ("two organizations", Box::new(|leaf| twice(leaf, 1)), Err(refused(SUBJECT))),
        ("two names", Box::new(|leaf| twice(leaf, 3)), Err(refused(SUBJECT))),
    ];
    let (made, signer) = (Made::new(), p256());
    for (row, change, expected) in rows {
        let leaf = change(packed_leaf(&signer)).encode();
        let found = made.register(&relying_party(), "packed", &packed(&made, &signer, &[leaf]));
        assert_eq!(found.map(drop), expected, "{row}");
    }
    let leaf = packed_leaf(&signer).encode();
    let by_another = packed(&made, &p256(), std::slice::from_ref(&leaf));
    assert_eq!(made.register(&relying_party(), "packed", &by_another), Err(WebauthnError::Signature));
    let seven = packed(&made, &signer, &vec![leaf; 7]);
    let too_large = WebauthnError::TooLarge { what: "attestation statement" };
    assert_eq!(made.register(&relying_party(), "packed", &seven), Err(too_large));
    let none = packed(&made, &signer, &[]);
    let malformed = WebauthnError::Malformed { what: "attestation statement" };
    assert_eq!(made.register(&relying_party(), "packed", &none), Err(malformed));
}

fn without(leaf: Leaf, at: usize) -> Leaf {
    let mut subject = leaf.subject.clone();
    subject.remove(at);
    Leaf { subject, ..leaf }
}

fn twice(leaf: Leaf, at: usize) -> Leaf {
    let mut subject = leaf.subject.clone();
    subject.push(subject[at].clone());
    Leaf { subject, ..leaf }
}

#[test]
fn a_key_vouches_for_itself_with_its_own_algorithm_or_nobody_says_anything() {
    let made = Made::new();
    let own = |algorithm: &[u8], signer: &Key| {
        map(&[("alg", algorithm.to_vec()), ("sig", signature(&**signer, &made.signed()))])
    };
    let register = |format, statement: &[u8]| made.register(&relying_party(), format, statement);
    assert!(register("packed", &own(ES256, &made.key)).is_ok());
    assert_eq!(register("packed", &own(ES256, &p256())), Err(WebauthnError::Signature));
    let other = refused("the algorithm is not the credential's");
    assert_eq!(register("packed", &own(&[0x38, 34], &made.key)), Err(other));
    assert!(register("none", &[0xa0]).is_ok());
    let something = refused("a statement that says nothing says something");
    assert_eq!(register("none", &map(&[("alg", ES256.to_vec())])), Err(something));
}

/// Trusted only: whom somebody vouches for who is believed, and of the models that are wanted.
#[test]
fn only_authenticators_that_somebody_vouches_for_are_taken_where_the_policy_says_so() {
    let (mut made, signer) = (Made::new(), p256());
    let leaf = packed_leaf(&signer).encode();
    let trusted =
        |models: &[[u8; 16]]| AttestationPolicy::Trusted { models: models.iter().copied().collect() };
    let statement = packed(&made, &signer, std::slice::from_ref(&leaf));
    let register = |made: &Made, party: RelyingParty| made.register(&party, "packed", &statement);
    for models in [vec![], vec![MODEL], vec![[1; 16], MODEL]] {
        let passkey = register(&made, believing("packed", &leaf, trusted(&models))).unwrap();
        assert!(passkey.trusted && passkey.is_in_hardware());
    }
    let other_model = believing("packed", &leaf, trusted(&[[1; 16]]));
    assert_eq!(register(&made, other_model), Err(WebauthnError::Untrusted));
    let nobody = relying_party().with_attestation(trusted(&[]), Arc::new(NoTrust::new()));
    assert_eq!(register(&made, nobody), Err(WebauthnError::Untrusted));
    let stranger = packed_leaf(&p256()).encode();
    assert_eq!(register(&made, believing("packed", &stranger, trusted(&[]))), Err(WebauthnError::Untrusted));
    let of_another_format = believing("tpm", &leaf, trusted(&[]));
    assert_eq!(register(&made, of_another_format), Err(WebauthnError::Untrusted));
    // Where it is asked for and not demanded, the same passkey is taken, and nobody says that it is in hardware.
    let asked = believing("packed", &stranger, AttestationPolicy::Asked);
    let passkey = register(&made, asked).unwrap();
    assert!(!passkey.trusted && !passkey.is_in_hardware());
    let said_nothing = made.register(&believing("packed", &leaf, trusted(&[])), "none", &[0xa0]);
    assert_eq!(said_nothing, Err(WebauthnError::Untrusted));
    // A key that can be copied elsewhere is in no hardware, whoever vouches for it.
    made.flags |= ELIGIBLE;
    let statement = packed(&made, &signer, std::slice::from_ref(&leaf));
    let passkey = made.register(&believing("packed", &leaf, trusted(&[])), "packed", &statement).unwrap();
    assert!(passkey.trusted && !passkey.is_in_hardware());
}

/// The certificate of a maker that is believed, and one that it signed.
#[test]
fn a_certificate_is_of_its_issuer_by_name_signature_and_time() {
    let (made, signer, root) = (Made::new(), p256(), p256());
    type Row = (&'static str, fn(&mut Leaf, &mut Leaf), bool);
    let rows: [Row; 7] = [
        ("right", |_, _| {}, true),
        ("another issuer's name", |leaf, _| leaf.issuer = "Somebody else", false),
        ("signed by somebody else", |leaf, _| leaf.signer = p256(), false),
        ("said to be signed otherwise", |leaf, _| leaf.outside = "1.2.840.10045.4.3.3", false),
        ("its own time is over", |leaf, _| leaf.until = 25, false),
        ("the maker's time is over", |_, maker| maker.until = 25, false),
        ("the maker is no authority", |_, maker| maker.authority = Some(false), false),
    ];
    for (row, change, trusted) in rows {
        let mut leaf = Leaf { signer: root.clone(), ..packed_leaf(&signer) };
        let mut maker =
            Leaf { authority: Some(true), ..Leaf::new(&root).with_subject(&[("2.5.4.3", "Maker")]) };
        change(&mut leaf, &mut maker);
        let party = believing("packed", &maker.encode(), AttestationPolicy::Asked);
        let statement = packed(&made, &signer, &[leaf.encode()]);
        let passkey = made.register(&party, "packed", &statement).unwrap();
        assert_eq!(passkey.trusted, trusted, "{row}");
    }
    let large = packed_leaf(&signer).with_extension("1.2.3.4", false, vec![0; 9_000]).encode();
    let refused = made.register(&relying_party(), "packed", &packed(&made, &signer, &[large]));
    assert_eq!(refused, Err(WebauthnError::TooLarge { what: "certificate" }));
}

// Apple.

#[test]
fn an_apple_statement_is_of_this_registration_and_this_key() {
    const NONCE: &str = "1.2.840.113635.100.8.2";
    let made = Made::new();
    let nonce = |bytes: &[u8]| list(&[explicit(1, &octets(bytes))]);
    let right = nonce(&sha256(&made.signed()));
    let register = |leaf: Leaf| {
        made.register(&relying_party(), "apple", &map(&[("x5c", chain(&[leaf.encode()]))])).map(drop)
    };
    let leaf = |key: &Key, nonce: Vec<u8>| Leaf::new(key).with_extension(NONCE, false, nonce);
    assert_eq!(register(leaf(&made.key, right.clone())), Ok(()));
    let other = refused("the certificate is of another key");
    assert_eq!(register(leaf(&p256(), right.clone())), Err(other));
    let other = refused("the nonce is of another registration");
    assert_eq!(register(leaf(&made.key, nonce(&[0; 32]))), Err(other));
    let unreadable = refused("the nonce cannot be read");
    assert_eq!(register(leaf(&made.key, [right, vec![0x05, 0]].concat())), Err(unreadable));
    assert_eq!(register(Leaf::new(&made.key)), Err(refused("the certificate has no nonce")));
}

// FIDO U2F.

#[test]
fn a_security_key_of_before_has_one_certificate_on_its_curve() {
    let (made, signer) = (Made { model: [0; 16], ..Made::new() }, p256());
    let PublicKey::Ec { x, y, .. } = made.key.public_key() else { panic!("a point") };
    let client_data = sha256(&Made::client_data());
    let signed = [&[0][..], &sha256(b"example.com"), &client_data, ID, &[4], x, y].concat();
    let register = |signer: &Key, certificates: &[Vec<u8>]| {
        let statement = map(&[("sig", signature(&**signer, &signed)), ("x5c", chain(certificates))]);
        made.register(&relying_party(), "fido-u2f", &statement).map(drop)
    };
    let leaf = Leaf::new(&signer).encode();
    assert_eq!(register(&signer, std::slice::from_ref(&leaf)), Ok(()));
    assert_eq!(register(&p256(), std::slice::from_ref(&leaf)), Err(WebauthnError::Signature));
    let one = refused("there is not exactly one certificate");
    assert_eq!(register(&signer, &[leaf.clone(), leaf]), Err(one));
    let p384 = key(SignatureScheme::EcdsaP384Sha384);
    let curve = refused("the certificate's key is not on P-256");
    assert_eq!(register(&signer, &[Leaf::new(&p384).encode()]), Err(curve));
}

// Android.

/// What the key store says, list by list.
struct Description {
    challenge: Vec<u8>,
    software: Vec<Vec<u8>>,
    hardware: Vec<Vec<u8>>,
    behind: Vec<u8>,
}

impl Description {
    fn encode(&self) -> Vec<u8> {
        let level = tlv(0x0a, &[1]);
        let description = list(&[
            integer(200),
            level.clone(),
            integer(200),
            level,
            octets(&self.challenge),
            octets(&[]),
            list(&self.software),
            list(&self.hardware),
        ]);
        [description, self.behind.clone()].concat()
    }
}

fn signs() -> Vec<u8> {
    explicit(1, &tlv(0x31, &integer(2)))
}

fn generated() -> Vec<u8> {
    explicit(702, &integer(0))
}

#[test]
fn an_android_key_is_made_and_kept_in_hardware_for_this_registration() {
    const DESCRIPTION: &str = "1.3.6.1.4.1.11129.2.1.17";
    let made = Made::new();
    let register = |key: &Key, change: &dyn Fn(&mut Description)| {
        let mut description = Description {
            challenge: sha256(&Made::client_data()).to_vec(),
            software: Vec::new(),
            hardware: vec![signs(), generated()],
            behind: Vec::new(),
        };
        change(&mut description);
        let leaf = Leaf::new(key).with_extension(DESCRIPTION, false, description.encode()).encode();
        let statement = map(&[
            ("alg", ES256.to_vec()),
            ("sig", signature(&**key, &made.signed())),
            ("x5c", chain(std::slice::from_ref(&leaf))),
        ]);
        let party = believing("android-key", &leaf, AttestationPolicy::Asked);
        made.register(&party, "android-key", &statement).map(|passkey| passkey.trusted)
    };
    type Row = (&'static str, fn(&mut Description), Result<bool, WebauthnError>);
    let rows: [Row; 11] = [
        ("right", |_| {}, Ok(true)),
        (
            "another challenge",
            |it| it.challenge = vec![0; 32],
            Err(refused("the key was made for another challenge")),
        ),
        (
            "for every application, says software",
            |it| it.software.push(explicit(600, &[0x05, 0])),
            Err(refused("the key is not bound to one application")),
        ),
        (
            "for every application, says hardware",
            |it| it.hardware.push(explicit(600, &[0x05, 0])),
            Err(refused("the key is not bound to one application")),
        ),
        (
            "brought from elsewhere",
            |it| it.hardware[1] = explicit(702, &integer(2)),
            Err(refused("the key was not generated where it is")),
        ),
        (
            "for something else",
            |it| it.hardware[0] = explicit(1, &tlv(0x31, &integer(3))),
            Err(refused("the key is not for signatures")),
        ),
        (
            "goes on behind its end",
            |it| it.behind = vec![0x05, 0],
            Err(refused("the key's description cannot be read")),
        ),
        ("software says so", |it| std::mem::swap(&mut it.software, &mut it.hardware), Ok(false)),
        ("nobody says that it was made there", |it| drop(it.hardware.pop()), Ok(false)),
        ("nobody says what it is for", |it| drop(it.hardware.remove(0)), Ok(false)),
        ("nobody says anything", |it| it.hardware.clear(), Ok(false)),
    ];
    for (row, change, expected) in rows {
        assert_eq!(register(&made.key, &change), expected, "{row}");
    }
    let other = refused("the certificate is of another key");
    assert_eq!(register(&p256(), &|_| {}), Err(other));
}

// TPM.

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// What a TPM says of a key, right but for what is changed.
struct Tpm {
    version: &'static str,
    key: Key,
    cipher: [u8; 2],
    extra: Vec<u8>,
    name: Option<Vec<u8>>,
    behind_area: Vec<u8>,
    behind_info: Vec<u8>,
    leaf: Leaf,
    signer: Key,
}

impl Tpm {
    fn new(made: &Made) -> Self {
        let signer = p256();
        let device = names(&[("2.23.133.2.1", "id:0"), ("2.23.133.2.2", "One"), ("2.23.133.2.3", "id:1")]);
        let leaf = Leaf::new(&signer)
            .with_subject(&[])
            .with_extension("2.5.29.17", true, list(&[tlv(0xa4, &device)]))
            .with_extension("2.5.29.37", false, list(&[oid("2.23.133.8.3")]));
        Self {
            version: "2.0",
            key: made.key.clone(),
            cipher: [0, 0x10],
            extra: sha256(&made.signed()).to_vec(),
            name: None,
            behind_area: Vec::new(),
            behind_info: Vec::new(),
            leaf,
            signer,
        }
    }

    fn statement(&self) -> Vec<u8> {
        let PublicKey::Ec { x, y, .. } = self.key.public_key() else { panic!("a point") };
        let area = [
            &[0, 0x23, 0, 0x0b, 0, 0, 0, 0, 0, 0][..],
            &self.cipher,
            &[0, 0x10, 0, 0x03, 0, 0x10],
            &sized(x),
            &sized(y),
            &self.behind_area,
        ]
        .concat();
        let name = self.name.clone().unwrap_or_else(|| [&[0, 0x0b][..], &sha256(&area)].concat());
        let info = [
            &[0xff, b'T', b'C', b'G', 0x80, 0x17][..],
            &sized(&[]),
            &sized(&self.extra),
            &[0; 25],
            &sized(&name),
            &sized(&[]),
            &self.behind_info,
        ]
        .concat();
        map(&[
            ("ver", text(self.version)),
            ("alg", ES256.to_vec()),
            ("x5c", chain(&[self.leaf.encode()])),
            ("sig", signature(&*self.signer, &info)),
            ("certInfo", bytes(&info)),
            ("pubArea", bytes(&area)),
        ])
    }
}

#[test]
fn a_tpm_certifies_this_key_for_this_registration() {
    let made = Made::new();
    type Row = (&'static str, fn(&mut Tpm), Result<(), WebauthnError>);
    let not_a_tpm = || Err(refused("the certificate is not that of a TPM"));
    let rows: [Row; 19] = [
        ("right", |_| {}, Ok(())),
        ("another version", |it| it.version = "1.2", Err(refused("it is not of TPM 2.0"))),
        ("another key", |it| it.key = p256(), Err(refused("the public area is of another key"))),
        (
            "another registration",
            |it| it.extra = vec![0; 32],
            Err(refused("it was certified for another registration")),
        ),
        ("another name", |it| it.name = Some(vec![0; 34]), Err(refused("another key was certified"))),
        ("another signer", |it| it.signer = p256(), Err(WebauthnError::Signature)),
        ("a storage key", |it| it.cipher = [0, 0x06], Err(refused("the public area cannot be read"))),
        (
            "an area that goes on",
            |it| it.behind_area = vec![0],
            Err(refused("the public area cannot be read")),
        ),
        (
            "a certification that goes on",
            |it| it.behind_info = vec![0],
            Err(refused("what was certified cannot be read")),
        ),
        ("version 1", |it| it.leaf.version = 0, not_a_tpm()),
        (
            "with a subject",
            |it| it.leaf.subject = vec![("2.5.4.3".to_owned(), "One".to_owned())],
            not_a_tpm(),
        ),
        ("an authority", |it| it.leaf.authority = Some(true), not_a_tpm()),
        (
            "without a name",
            |it| drop(it.leaf.extensions.remove(0)),
            Err(refused("the certificate names no TPM")),
        ),
        (
            "without the name's version",
            |it| {
                let device = names(&[("2.23.133.2.1", "id:0"), ("2.23.133.2.2", "One")]);
                it.leaf.extensions[0].2 = list(&[tlv(0xa4, &device)]);
            },
            Err(refused("the certificate names no TPM")),
        ),
        (
            "for anything",
            |it| drop(it.leaf.extensions.remove(1)),
            Err(refused("the certificate's key is for anything")),
        ),
        (
            "for something else",
            |it| it.leaf.extensions[1].2 = list(&[oid("1.3.6.1.5.5.7.3.1")]),
            Err(refused("the certificate's key is not an attestation key")),
        ),
        (
            "of another model",
            |it| it.leaf.extensions.push((AAGUID.to_owned(), false, octets(&[8; 16]))),
            Err(refused("the certificate is of another model")),
        ),
        ("of the model", |it| it.leaf.extensions.push((AAGUID.to_owned(), false, octets(&MODEL))), Ok(())),
        (
            "the model twice",
            |it| {
                for _ in 0..2 {
                    it.leaf.extensions.push((AAGUID.to_owned(), false, octets(&MODEL)));
                }
            },
            Err(WebauthnError::Malformed { what: "certificate" }),
        ),
    ];
    for (row, change, expected) in rows {
        let mut tpm = Tpm::new(&made);
        change(&mut tpm);
        let found = made.register(&relying_party(), "tpm", &tpm.statement());
        assert_eq!(found.map(drop), expected, "{row}");
    }
}
