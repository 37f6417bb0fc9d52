"""Makes the certificates and metadata of the tests beside this file: `python3 make.py` (needs `cryptography`).

Keys are thrown away, but for one that is nobody's. What each file is for stands at its line.
"""
import base64, datetime, json
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2060, 1, 1)
key = lambda: ec.generate_private_key(ec.SECP256R1())
name = lambda cn: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def make(subject, subject_key, issuer, issuer_key, ca, path=None, start=START, end=END, critical=None, san=None):
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        .public_key(subject_key.public_key()).serial_number(x509.random_serial_number() >> 8)
        .not_valid_before(start).not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path), critical=True)
    if critical:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00"), critical=True)
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def save(file, cert):
    open(file, "wb").write(cert.public_bytes(serialization.Encoding.DER))
    return cert


root_key, middle_key, leaf_key, short_key = key(), key(), key(), key()
root = save("root.der", make("Root", root_key, "Root", root_key, True))
save("other-root.der", make("Root", (other := key()), "Root", other, True))  # the same name, another key
save("middle.der", make("Middle", middle_key, "Root", root_key, True))
save("middle-no-ca.der", make("Middle", middle_key, "Root", root_key, False))
save("middle-silent.der", make("Middle", middle_key, "Root", root_key, None))  # says nothing about being an authority
save("leaf.der", make("Leaf", leaf_key, "Middle", middle_key, False))
save("leaf-expired.der", make("Leaf", leaf_key, "Middle", middle_key, False, end=datetime.datetime(2021, 1, 1)))
save("leaf-early.der", make("Leaf", leaf_key, "Middle", middle_key, False, start=datetime.datetime(2055, 1, 1)))
save("leaf-critical.der", make("Leaf", leaf_key, "Middle", middle_key, False, critical="1.2.3.4"))
save("leaf-stranger.der", make("Leaf", leaf_key, "Middle", key(), False))  # signed by somebody else
save("root-short.der", make("Short", short_key, "Short", short_key, True, path=0))  # signs leaves only
save("middle-short.der", make("Middle", middle_key, "Short", short_key, True))

# Metadata as the FIDO service publishes it, signed by a certificate of its own.
service_key = key()
service = make("mds.fidoalliance.org", service_key, "Root", root_key, False, san="mds.fidoalliance.org")
foreign = make("mds.example.org", service_key, "Root", root_key, False, san="mds.example.org")
b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
std = lambda c: base64.b64encode(c.public_bytes(serialization.Encoding.DER)).decode()


def entry(aaguid, statuses):
    return {
        "aaguid": aaguid,
        "metadataStatement": {"description": "Test", "attestationRootCertificates": [std(root)]},
        "statusReports": [{"status": s, "effectiveDate": "2025-01-01"} for s in statuses],
        "timeOfLastStatusChange": "2025-01-01",
    }


payload = {
    "legalHeader": "test", "no": 42, "nextUpdate": "2030-01-01",
    "entries": [
        entry("00000000-0000-0000-0000-000000000001", ["FIDO_CERTIFIED"]),
        entry("00000000-0000-0000-0000-000000000002", ["FIDO_CERTIFIED", "ATTESTATION_KEY_COMPROMISE"]),
        entry("00000000-0000-0000-0000-000000000003", ["USER_VERIFICATION_BYPASS", "FIDO_CERTIFIED_L1"]),
        {"attestationCertificateKeyIdentifiers": ["00" * 20], "statusReports": [], "timeOfLastStatusChange": "2025-01-01"},
    ],
}


def blob(file, cert, header=None, signing=None):
    head = {"alg": "ES256", "typ": "JWT", "x5c": [std(cert)]} | (header or {})
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(payload).encode())}"
    r, s = utils.decode_dss_signature((signing or service_key).sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    open(file, "w").write(f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}")


blob("mds.jwt", service)
blob("mds-foreign.jwt", foreign)  # certified by the root, for somebody else
blob("mds-unsigned.jwt", service, header={"alg": "none"})
blob("mds-stranger.jwt", service, signing=key())  # signed with another key than the certificate's

# A key that two algorithms fit; `ring` makes none.
open("rsa.pk8", "wb").write(rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
