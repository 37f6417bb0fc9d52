"""What python-fido2 says of ceremonies: an array of them on standard input, of verdicts on standard output."""

import json
import sys

from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity

verdicts = []
for it in json.load(sys.stdin):
    rp = PublicKeyCredentialRpEntity(id=it["rp_id"], name="Example")
    server = Fido2Server(rp, verify_origin=lambda origin, it=it: origin == it["origin"])
    state = {
        "challenge": it["challenge"],
        "user_verification": "required" if it["require_uv"] else "discouraged",
    }
    try:
        if it["kind"] == "registration":
            server.register_complete(state, it["response"])
        else:
            key_id = websafe_decode(it["credential"]["id"])
            key = websafe_decode(it["credential"]["key"])
            known = AttestedCredentialData(bytes(16) + len(key_id).to_bytes(2, "big") + key_id + key)
            server.authenticate_complete(state, [known], it["response"])
        verdicts.append({"accepted": True, "why": ""})
    except Exception as error:
        verdicts.append({"accepted": False, "why": f"{type(error).__name__}: {error}"})
json.dump(verdicts, sys.stdout)
