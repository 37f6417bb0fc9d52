"""Answers, line by line, what scim2-models makes of a filter on a user or of a patch of one."""

import json
import sys

from scim2_models import EnterpriseUser, PatchOp, ScimFilter, User

Person = User[EnterpriseUser]
Search = ScimFilter[Person]
Patch = PatchOp[Person]

for line in sys.stdin:
    case = json.loads(line)
    try:
        user = Person.model_validate(case["user"])
        if "filter" in case:
            answer = Search(case["filter"]).match(user)
        else:
            Patch.model_validate(case["patch"]).patch(user)
            answer = user.model_dump()
    except Exception as error:
        answer = {"error": type(error).__name__, "text": str(error)[:200]}
    print(json.dumps(answer), flush=False)
