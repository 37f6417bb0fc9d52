"""python3-saml (Debian: python3-onelogin-saml2), which is a service provider only."""

import importlib.metadata

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from speech import Lacks, one, plain, serve

NS = "urn:oasis:names:tc:SAML:2.0"
NO_FORM = "it sends and reads requests by redirect only"
NO_ARTIFACT = "it has no artifacts"
NO_SOAP = "it has no logout from server to server"
state = {}


def settings(signed, force=False):
    setup = state["setup"]
    own = {
        "strict": True,
        "sp": {
            "entityId": setup["entity_id"],
            "assertionConsumerService": {"url": setup["acs"], "binding": f"{NS}:bindings:HTTP-POST"},
            "singleLogoutService": {"url": setup["slo"], "binding": f"{NS}:bindings:HTTP-Redirect"},
            "NameIDFormat": f"{NS}:nameid-format:persistent",
            "x509cert": plain(setup["certificate"]),
            "privateKey": plain(setup["key"]),
        },
        "idp": state.get("idp", {}),
        "security": {
            "authnRequestsSigned": signed,
            "logoutRequestSigned": True,
            "logoutResponseSigned": True,
            "wantAssertionsSigned": True,
            "wantMessagesSigned": False,
            "wantAssertionsEncrypted": setup["encrypted"],
            "wantNameId": True,
            "requestedAuthnContext": False,
            "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "digestAlgorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
        },
    }
    return own


def auth(get=None, post=None, signed=True, query=""):
    setup = state["setup"]
    path = setup["acs"] if post else setup["slo"]
    scheme, _, rest = path.partition("://")
    host, _, path = rest.partition("/")
    request = {
        "https": "on" if scheme == "https" else "off",
        "http_host": host,
        "script_name": f"/{path}",
        "get_data": get or {},
        "post_data": post or {},
        "query_string": query,
        "validate_signature_from_qs": True,
    }
    return OneLogin_Saml2_Auth(request, settings(signed))


def setup(request):
    state.clear()
    state["setup"] = request
    if request["role"] == "idp":
        raise Lacks("it is a service provider only")
    own = OneLogin_Saml2_Settings(settings(request["signed"]), sp_validation_only=True).get_sp_metadata()
    return {"metadata": own if isinstance(own, str) else own.decode()}


def know(request):
    # Its parser takes the first endpoint of the binding that it can use.
    state["idp"] = OneLogin_Saml2_IdPMetadataParser.parse(request["metadata"])["idp"]
    return {}


def redirect_only(request):
    if request["binding"] == "soap":
        raise Lacks(NO_SOAP)
    if request["binding"] != "redirect":
        raise Lacks(NO_FORM)


def login(request):
    redirect_only(request)
    if request["answer"] == "artifact":
        raise Lacks(NO_ARTIFACT)
    it = auth(signed=request["signed"])
    url = it.login(return_to=request["relay_state"], force_authn=request["force"])
    state["sent"] = it.get_last_request_id()
    return {"url": url}


def accept(request):
    it = auth(post=request["fields"])
    it.process_response(request_id=state["sent"])
    if it.get_errors():
        raise ValueError(str(it.get_last_error_reason()))
    state["session"] = {"name_id": it.get_nameid(), "session_index": it.get_session_index(),
                        "nq": it.get_nameid_nq(), "spnq": it.get_nameid_spnq(),
                        "name_id_format": it.get_nameid_format()}
    return {"name_id": it.get_nameid(), "session_index": it.get_session_index(), "attributes": it.get_attributes()}


def start_logout(request):
    redirect_only(request)
    it = auth()
    return {"url": it.logout(**state["session"])}


def process(request):
    if "soap" in request:
        raise Lacks(NO_SOAP)
    if "query" not in request:
        raise Lacks(NO_FORM)
    it = auth(get=one(request["query"]), query=request["query"])
    url = it.process_slo()
    if it.get_errors():
        raise ValueError(f"{it.get_errors()} {it.get_last_error_reason()}")
    return it, url


def end_logout(request):
    process(request)
    return {}


def answer_logout(request):
    it, url = process(request)
    from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request

    return {"name_id": OneLogin_Saml2_Logout_Request.get_nameid(it.get_last_request_xml()), "url": url}


def version(_):
    return {"version": importlib.metadata.version("python3-saml")}


serve({
    "version": version,
    "setup": setup,
    "know": know,
    "login": login,
    "accept": accept,
    "start_logout": start_logout,
    "end_logout": end_logout,
    "answer_logout": answer_logout,
})
