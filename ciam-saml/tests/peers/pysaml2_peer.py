"""pysaml2 (PyPI), in both roles; its signatures and encryption are those of the program xmlsec1."""

import base64
import importlib.metadata
import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from saml2 import BINDING_HTTP_ARTIFACT, BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, BINDING_SOAP, samlp
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.client import Saml2Client
from saml2.config import IdPConfig, SPConfig
from saml2.metadata import entity_descriptor
from saml2.pack import make_soap_enveloped_saml_thingy
from saml2.response import IncorrectlySigned, StatusError
from saml2.s_utils import sid, success_status_factory
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import (
    SignatureError,
    get_pem_wrapped_unwrapped,
    get_xmlsec_binary,
    pre_encryption_part,
    verify_redirect_signature,
)

from speech import Lacks, one, serve

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ARTIFACT_INDEX = 1
AES128_GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST, "soap": BINDING_SOAP}
ANSWERS = {"post": BINDING_HTTP_POST, "artifact": BINDING_HTTP_ARTIFACT}
ALGORITHMS = {"sign_alg": RSA_SHA256, "digest_alg": SHA256}
folder = tempfile.TemporaryDirectory()
state = {}


def configuration(known):
    setup = state["setup"]
    key, certificate = Path(folder.name, "key.pem"), Path(folder.name, "certificate.pem")
    key.write_text(setup["key"])
    certificate.write_text(setup["certificate"])
    bindings = sorted(["redirect", "post"], key=lambda name: name != setup["binding"])
    slo = [(setup["slo"], BINDINGS[name]) for name in bindings] + [(setup["soap"], BINDING_SOAP)]
    pair = {"key_file": str(key), "cert_file": str(certificate)}
    if setup["role"] == "sp":
        service = {
            "endpoints": {
                "assertion_consumer_service": [(setup["acs"], binding) for binding in ANSWERS.values()],
                "single_logout_service": slo,
            },
            "authn_requests_signed": setup["signed"],
            "want_assertions_signed": True,
            "want_response_signed": False,
            "logout_requests_signed": True,
            "logout_responses_signed": True,
            "allow_unsolicited": False,
        }
    else:
        service = {
            "endpoints": {
                "single_sign_on_service": [(setup["sso"], BINDINGS[name]) for name in bindings],
                "artifact_resolution_service": [(setup["artifacts"], BINDING_SOAP)],
                "single_logout_service": slo,
            },
            "sign_assertion": True,
            "sign_response": False,
            "want_authn_requests_signed": setup["signed"],
            "logout_requests_signed": True,
            "logout_responses_signed": True,
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
            "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
        }
    everything = {
        "entityid": setup["entity_id"],
        "xmlsec_binary": get_xmlsec_binary(["/usr/bin", "/usr/local/bin"]),
        "service": {setup["role"]: service},
        "signing_algorithm": RSA_SHA256,
        "digest_algorithm": SHA256,
        "allow_unknown_attributes": True,
        "metadata_key_usage": "both" if setup["encrypted"] else "signing",
        "metadata": {"inline": known},
        **pair,
    }
    if setup["encrypted"] and setup["role"] == "sp":
        everything["encryption_keypairs"] = [pair]
    return (SPConfig() if setup["role"] == "sp" else IdPConfig()).load(everything)


def setup(request):
    state.clear()
    state["setup"] = request
    own = str(entity_descriptor(configuration([])))
    return {"metadata": own}


def know(request):
    state["peer"] = request["entity_id"]
    config = configuration([request["metadata"]])
    state["entity"] = Saml2Client(config) if state["setup"]["role"] == "sp" else Server(config=config)
    return {}


def sent(info, name):
    if info["method"] == "POST":
        # Its pages are made for browsers; the fields are in its forms.
        return read_form("".join(info["data"]), info["url"])
    return {"url": dict(info.get("headers", [])).get("Location", info["url"])}


def read_form(page, action):
    fields = {}

    class Fields(HTMLParser):
        def handle_starttag(self, tag, attributes):
            values = dict(attributes)
            if tag == "input" and values.get("name"):
                fields[values["name"]] = values["value"]

    Fields().feed(page)
    return {"action": action, "fields": fields}


def got(request, name):
    """The message, its binding, and what a signature over a query is checked with."""
    if "soap" in request:
        return request["soap"], BINDING_SOAP, {}
    if "fields" in request:
        return request["fields"][name], BINDING_HTTP_POST, {}
    query = one(request["query"])
    detached = {key: query.get(name) for key, name in
                [("relay_state", "RelayState"), ("sigalg", "SigAlg"), ("signature", "Signature")]}
    return query[name], BINDING_HTTP_REDIRECT, detached


def login(request):
    client = state["entity"]
    binding = BINDINGS[request["binding"]]
    sent_id, info = client.prepare_for_authenticate(
        entityid=state["peer"],
        relay_state=request["relay_state"],
        binding=binding,
        response_binding=ANSWERS[request["answer"]],
        nameid_format=NAMEID_FORMAT_PERSISTENT,
        sign=request["signed"],
        force_authn="true" if request["force"] else None,
        sigalg=RSA_SHA256,
        digest_alg=SHA256,
    )
    state["sent"] = sent_id
    return sent(info, "SAMLRequest")


def fetch(request):
    client = state["entity"]
    artifact = one(request["query"])["SAMLart"]
    destination = client.artifact2destination(artifact, "idpsso")
    _, message = client.create_artifact_resolve(artifact, destination, sid(), sign=True, **ALGORITHMS)
    return {"soap": make_soap_enveloped_saml_thingy(message)}


def accept(request):
    client = state["entity"]
    message, binding, _ = got(request, "SAMLResponse")
    if binding == BINDING_SOAP:
        response = client.parse_artifact_resolve_response(message)
        message, binding = base64.b64encode(str(response).encode()).decode(), BINDING_HTTP_POST
    response = client.parse_authn_request_response(message, binding, outstanding={state["sent"]: "/"})
    if response is None:
        raise ValueError("refused")
    state["name_id"] = response.get_subject()
    indexes = [it.session_index for it in response.assertion.authn_statement]
    state["indexes"] = indexes
    return {"name_id": state["name_id"].text, "session_index": indexes[0], "attributes": response.ava}


def receive(request):
    server = state["entity"]
    message, binding, detached = got(request, "SAMLRequest")
    parsed = server.parse_authn_request(message, binding, **detached)
    if parsed is None:
        raise ValueError("refused")
    state["request"] = parsed.message
    force = parsed.message.force_authn
    return {"request_id": parsed.message.id, "force": force is not None and str(force).lower() == "true"}


def issue(request):
    server, asked = state["entity"], state["request"]
    arguments = server.response_args(asked)
    state["name_id"] = NameID(format=NAMEID_FORMAT_PERSISTENT, text=request["name_id"])
    response = server.create_authn_response(
        identity=request["attributes"],
        userid="account-1",
        name_id=state["name_id"],
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": state["setup"]["entity_id"]},
        sign_assertion=True,
        sign_response=False,
        **ALGORITHMS,
        **arguments,
    )
    if state["setup"]["encrypted"]:
        response = encrypted(str(response))
    response = str(response)
    if request["answer"] == "artifact":
        response = server.use_artifact(samlp.response_from_string(response), ARTIFACT_INDEX)
        if int.from_bytes(base64.b64decode(response)[2:4], "big") != ARTIFACT_INDEX:
            raise Lacks("it writes the number of the endpoint into artifacts as text")
    info = server.apply_binding(arguments["binding"], response, arguments["destination"],
                                request["relay_state"], response=True)
    return sent(info, "SAMLResponse")


def encrypted(response):
    """By itself it knows Triple-DES only; its parts can be put together for AES-GCM."""
    server = state["entity"]
    around = re.sub(r"(<(\w+):Assertion\b.*</\2:Assertion>)", r"<\2:EncryptedAssertion>\1</\2:EncryptedAssertion>",
                    response, flags=re.DOTALL)
    (_, certificate), *_ = server.metadata.certs(state["peer"], "any", "encryption")
    path = Path(folder.name, "recipient.pem")
    path.write_text(get_pem_wrapped_unwrapped(certificate)[0])
    template = pre_encryption_part(msg_enc=AES128_GCM, encrypt_cert=get_pem_wrapped_unwrapped(certificate)[1])
    return server.sec.crypto.encrypt_assertion(around, str(path), template, key_type="aes-128")


def start_logout(request):
    entity, binding = state["entity"], BINDINGS[request["binding"]]
    services = entity.metadata.single_logout_service(state["peer"], binding, typ=other_role())
    destination = services[0]["location"]
    indexes = state.get("indexes") or request["session_indexes"]
    sent_id, message = entity.create_logout_request(
        destination, state["peer"], name_id=state["name_id"], session_indexes=indexes,
        sign=request["binding"] != "redirect", **ALGORITHMS)
    if binding == BINDING_SOAP:
        state["sent"] = sent_id
        return {"soap": make_soap_enveloped_saml_thingy(str(message))}
    info = entity.apply_binding(binding, str(message), destination, "", sign=True, sigalg=RSA_SHA256)
    state["sent"] = sent_id
    return sent(info, "SAMLRequest")


def other_role():
    return "idpsso" if state["setup"]["role"] == "sp" else "spsso"


def end_logout(request):
    entity = state["entity"]
    message, binding, detached = got(request, "SAMLResponse")
    try:
        response = entity.parse_logout_request_response(message, binding)
    except StatusError as error:
        raise ValueError(f"it says that it failed: {error}") from error
    if response is None or response.response.in_response_to != state["sent"]:
        raise ValueError("refused")
    if binding == BINDING_HTTP_REDIRECT:
        check_detached(request["query"])
    return {}


def check_detached(query):
    """It leaves the signature over a query to whoever calls it, but for requests."""
    entity = state["entity"]
    certificates = entity.metadata.certs(state["peer"], "any", "signing")
    if any(verify_redirect_signature(one(query), entity.sec.sec_backend, it) for _, it in certificates):
        return
    raise ValueError("the signature of the query is refused")


def answer_logout(request):
    entity = state["entity"]
    message, binding, detached = got(request, "SAMLRequest")
    parsed = entity.parse_logout_request(message, binding, **detached)
    if parsed is None:
        raise ValueError("refused")
    asked = parsed.message
    services = entity.metadata.single_logout_service(state["peer"], binding, typ=other_role())
    destination = services[0]["location"]
    response = entity.create_logout_response(
        asked, bindings=[binding], status=success_status_factory(),
        sign=binding != BINDING_HTTP_REDIRECT, **ALGORITHMS)
    if binding == BINDING_SOAP:
        return {"name_id": asked.name_id.text, "soap": make_soap_enveloped_saml_thingy(str(response))}
    info = entity.apply_binding(binding, str(response), destination,
                                detached.get("relay_state") or "", response=True, sign=True,
                                sigalg=RSA_SHA256)
    return {"name_id": asked.name_id.text, **sent(info, "SAMLResponse")}


def from_envelopes(command):
    """What is in an envelope it writes again, with other prefixes."""
    def tried(request):
        try:
            return command(request)
        except (IncorrectlySigned, SignatureError) as error:
            if "soap" not in request:
                raise
            raise Lacks("it writes what is in an envelope again, and then the signature of others is wrong") from error
    return tried


def version(_):
    return {"version": importlib.metadata.version("pysaml2")}


serve({
    "version": version,
    "setup": setup,
    "know": know,
    "login": login,
    "fetch": fetch,
    "accept": from_envelopes(accept),
    "receive": receive,
    "issue": issue,
    "start_logout": start_logout,
    "end_logout": from_envelopes(end_logout),
    "answer_logout": from_envelopes(answer_logout),
})
