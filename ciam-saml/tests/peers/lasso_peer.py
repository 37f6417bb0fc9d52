"""lasso (Debian: python3-lasso), in both roles."""

import datetime
import subprocess

import lasso

from speech import form, plain, serve

METHODS = {
    "redirect": lasso.HTTP_METHOD_REDIRECT,
    "post": lasso.HTTP_METHOD_POST,
    "soap": lasso.HTTP_METHOD_SOAP,
}
NS = "urn:oasis:names:tc:SAML:2.0"
state = {}


def metadata(setup):
    """It reads metadata and does not write its own: this is what an operator would write."""
    sp = setup["role"] == "sp"
    uses = ["signing", "encryption"] if sp and setup["encrypted"] else ["signing"]
    keys = "".join(
        f'<md:KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{plain(setup["certificate"])}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for use in uses
    )

    def places(name, url):
        return "".join(
            f'<md:{name} Binding="{NS}:bindings:{binding}" Location="{url}"/>'
            for binding in ordered(setup, ["HTTP-Redirect", "HTTP-POST"])
        )

    slo = places("SingleLogoutService", setup["slo"])
    slo += f'<md:SingleLogoutService Binding="{NS}:bindings:SOAP" Location="{setup["soap"]}"/>'
    artifacts = (
        f'<md:ArtifactResolutionService index="0" Binding="{NS}:bindings:SOAP" Location="{setup["artifacts"]}"/>'
        if not sp
        else ""
    )
    if sp:
        end = "".join(
            f'<md:AssertionConsumerService index="{at}" Binding="{NS}:bindings:{binding}" Location="{setup["acs"]}"/>'
            for at, binding in enumerate(["HTTP-POST", "HTTP-Artifact"])
        )
    else:
        end = places("SingleSignOnService", setup["sso"])
    wants = f'AuthnRequestsSigned="{str(setup["signed"]).lower()}"' if sp else ""
    role = "SPSSODescriptor" if sp else "IDPSSODescriptor"
    return (
        f'<md:EntityDescriptor xmlns:md="{NS}:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
        f'entityID="{setup["entity_id"]}"><md:{role} {wants} protocolSupportEnumeration="{NS}:protocol">'
        f"{keys}{artifacts}{slo}{end}</md:{role}></md:EntityDescriptor>"
    )


def ordered(setup, bindings):
    return bindings if setup["binding"] == "redirect" else bindings[::-1]


def setup(request):
    own = metadata(request)
    server = lasso.Server.newFromBuffers(own, request["key"])
    server.signatureMethod = lasso.SIGNATURE_METHOD_RSA_SHA256
    state.clear()
    state.update(server=server, setup=request)
    return {"metadata": own}


def know(request):
    role = lasso.PROVIDER_ROLE_IDP if state["setup"]["role"] == "sp" else lasso.PROVIDER_ROLE_SP
    server = state["server"]
    server.addProviderFromBuffer(role, request["metadata"])
    state["peer"] = request["entity_id"]
    if role == lasso.PROVIDER_ROLE_SP and state["setup"]["encrypted"]:
        provider = server.getProvider(request["entity_id"])
        provider.setEncryptionMode(lasso.ENCRYPTION_MODE_ASSERTION)
        provider.setEncryptionSymKeyType(lasso.ENCRYPTION_SYM_KEY_TYPE_AES_128)
    return {}


def sent(profile, name, binding=None):
    if binding == "soap":
        return {"soap": profile.msgBody}
    if profile.msgBody:
        return form(profile.msgUrl, name, profile.msgBody, profile.msgRelayState)
    return {"url": profile.msgUrl}


def got(request, name):
    if "soap" in request:
        return request["soap"]
    return request["query"] if "query" in request else request["fields"][name]


def login(request):
    profile = lasso.Login(state["server"])
    profile.initAuthnRequest(state["peer"], METHODS[request["binding"]])
    bindings = {"post": lasso.SAML2_METADATA_BINDING_POST, "artifact": lasso.SAML2_METADATA_BINDING_ARTIFACT}
    profile.request.protocolBinding = bindings[request["answer"]]
    profile.request.nameIDPolicy.format = lasso.SAML2_NAME_IDENTIFIER_FORMAT_PERSISTENT
    profile.request.nameIDPolicy.allowCreate = True
    profile.request.forceAuthn = request["force"]
    if not request["signed"]:
        profile.setSignatureHint(lasso.PROFILE_SIGNATURE_HINT_FORBID)
    profile.msgRelayState = request["relay_state"]
    profile.buildAuthnRequestMsg()
    state["login"] = profile
    return sent(profile, "SAMLRequest")


def fetch(request):
    profile = state["login"]
    profile.initRequest(request["query"], lasso.HTTP_METHOD_ARTIFACT_GET)
    profile.buildRequestMsg()
    return {"soap": profile.msgBody}


def accept(request):
    profile = state["login"]
    if "soap" in request:
        profile.processResponseMsg(request["soap"])
    else:
        profile.processAuthnResponseMsg(got(request, "SAMLResponse"))
    profile.acceptSso()
    state["session"] = profile.session.dump()
    statements = profile.assertion.attributeStatement
    attributes = {
        one.name: [value.any[0].content for value in one.attributeValue]
        for statement in statements
        for one in statement.attribute
    }
    return {
        "name_id": profile.nameIdentifier.content,
        "session_index": profile.assertion.authnStatement[0].sessionIndex,
        "attributes": attributes,
    }


def receive(request):
    profile = lasso.Login(state["server"])
    if request["signed"]:
        profile.setSignatureVerifyHint(lasso.PROFILE_SIGNATURE_VERIFY_HINT_FORCE)
    profile.processAuthnRequestMsg(got(request, "SAMLRequest"))
    profile.validateRequestMsg(True, True)
    state["login"] = profile
    return {"request_id": profile.request.iD, "force": bool(profile.request.forceAuthn)}


def issue(request):
    profile = state["login"]
    now = datetime.datetime.utcnow()

    def iso(minutes):
        return (now + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    profile.buildAssertion(lasso.SAML2_AUTHN_CONTEXT_PASSWORD_PROTECTED_TRANSPORT, iso(0), None, iso(-1), iso(5))
    assertion = profile.assertion
    assertion.subject.nameId.content = request["name_id"]
    statement = lasso.Saml2AttributeStatement()
    statement.attribute = [attribute(name, values) for name, values in request["attributes"].items()]
    assertion.attributeStatement = [statement]
    if request["answer"] == "artifact":
        profile.buildArtifactMsg(lasso.HTTP_METHOD_ARTIFACT_GET)
        state["kept"] = {profile.artifact: profile.artifactMessage}
    else:
        profile.buildAuthnResponseMsg()
    state["session"] = profile.session.dump()
    return sent(profile, "SAMLResponse")


def resolve(request):
    profile = lasso.Login(state["server"])
    profile.processRequestMsg(request["soap"])
    profile.artifactMessage = state["kept"].pop(profile.artifact)
    profile.buildResponseMsg()
    return {"soap": profile.msgBody}


def attribute(name, values):
    it = lasso.Saml2Attribute()
    it.name, it.nameFormat = name, lasso.SAML2_ATTRIBUTE_NAME_FORMAT_BASIC
    it.attributeValue = [value_of(text) for text in values]
    return it


def value_of(text):
    value = lasso.Saml2AttributeValue()
    value.any = [lasso.MiscTextNode.newWithString(text)]
    value.any[0].textChild = True
    return value


def start_logout(request):
    profile = lasso.Logout(state["server"])
    profile.setSessionFromDump(state["session"])
    profile.initRequest(state["peer"], METHODS[request["binding"]])
    profile.buildRequestMsg()
    state["logout"] = profile
    return sent(profile, "SAMLRequest", request["binding"])


def end_logout(request):
    state["logout"].processResponseMsg(got(request, "SAMLResponse"))
    return {}


def answer_logout(request):
    profile = lasso.Logout(state["server"])
    profile.setSessionFromDump(state["session"])
    profile.processRequestMsg(got(request, "SAMLRequest"))
    profile.validateRequest()
    profile.buildResponseMsg()
    return {"name_id": profile.nameIdentifier.content, **sent(profile, "SAMLResponse", "soap" if "soap" in request else None)}


def version(_):
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "python3-lasso"], capture_output=True, text=True)
    return {"version": listed.stdout}


serve({
    "version": version,
    "setup": setup,
    "know": know,
    "login": login,
    "fetch": fetch,
    "accept": accept,
    "receive": receive,
    "issue": issue,
    "resolve": resolve,
    "start_logout": start_logout,
    "end_logout": end_logout,
    "answer_logout": answer_logout,
})
