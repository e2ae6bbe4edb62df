# Verifies access tokens with PyJWT, like verify.mjs.
import json
import sys

import jwt

task = json.load(sys.stdin)
keys = jwt.PyJWKClient(task["issuer"] + "/.well-known/jwks.json")


def verify(token):
    try:
        key = keys.get_signing_key_from_jwt(token).key
        jwt.decode(token, key, algorithms=[task["algorithm"]], issuer=task["issuer"], audience=task["audience"])
    except Exception as error:
        return str(error) or type(error).__name__
    return None


errors = [verify(token) for token in task["tokens"]]
print(json.dumps([{"library": "PyJWT " + jwt.__version__, "errors": errors}]))
