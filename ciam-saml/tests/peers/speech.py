"""How a peer speaks: a line of JSON is answered with a line of JSON.

A command is a function of the request. What it gives back is the answer; `Lacks` says that the peer cannot do this, and why;
any other exception is an error of the peer's.
"""

import base64
import json
import sys
import urllib.parse


class Lacks(Exception):
    """The peer has no such thing."""


def one(pairs):
    return {name: values[0] for name, values in urllib.parse.parse_qs(pairs, keep_blank_values=True).items()}


def form(action, name, message, relay_state=None):
    """A form with a message that is base64 already."""
    fields = {name: message}
    if relay_state:
        fields["RelayState"] = relay_state
    return {"action": action, "fields": fields}


def plain(text):
    """A PEM without its first and last line."""
    return "".join(line for line in text.splitlines() if not line.startswith("-----"))


def b64(text):
    return base64.b64encode(text.encode()).decode()


def serve(commands):
    # Libraries print; what they print is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = commands[request["do"]](request)
        except Lacks as lack:
            answer = {"lacks": str(lack)}
        except Exception as error:  # Whatever it is, it is the answer.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
