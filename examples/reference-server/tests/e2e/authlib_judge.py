"""What Authlib says of a server's documents and tokens.

Reads JSON from the standard input and writes a verdict for each thing that it knows: "ok", or what was wrong.
"""

import json
import sys

from authlib.oauth2.rfc6750.errors import InsufficientScopeError
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

given = json.load(sys.stdin)
keys = KeySet.import_key_set(given["jwks"])


def verdict(check):
    try:
        check()
    except InsufficientScopeError as error:
        return f"scope: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it says is the verdict
        return f"{type(error).__name__}: {error}"
    return "ok"


def id_token(text, nonce, client_id, access_token):
    token = jwt.decode(text, keys, algorithms=["ES256", "RS256", "EdDSA", "PS256"])
    options = {
        "iss": {"essential": True, "value": given["issuer"]},
        "aud": {"essential": True, "value": client_id},
    }
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    CodeIDToken(token.claims, token.header, options, params).validate()
    if given["userinfo"]["sub"] != token.claims["sub"]:
        raise ValueError("UserInfo is of somebody else")


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return keys


def access_token(text, resource, scope):
    validator = Validator(issuer=given["issuer"], resource_server=resource)
    validator.validate_token(validator.authenticate_token(text), [scope], None)


def issuer_is_ours(document):
    if document["issuer"] != given["issuer"]:
        raise ValueError("another issuer")


def check_metadata(kind, document):
    issuer_is_ours(document)
    kind(document).validate()


judged = {"metadata": lambda it: check_metadata(OpenIDProviderMetadata, it),
          "oauth_metadata": lambda it: check_metadata(AuthorizationServerMetadata, it),
          "id_token": lambda it: id_token(**it),
          "access_token": lambda it: access_token(**it)}
print(json.dumps([verdict(lambda: judged[kind](value)) for kind, value in given["judge"]]))
