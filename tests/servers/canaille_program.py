"""Canaille, an identity server with SCIM of a third author: in memory, one client token, on 127.0.0.1.

It runs in an environment of its own: `python -P canaille_program.py PORT TOKEN`.
"""

import datetime
import os
import sys
import uuid

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import JWKRegistry
from werkzeug.serving import make_server


def configuration(port: int) -> dict[str, object]:
    """The least that it starts with."""
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": str(uuid.uuid4()),
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
        "CANAILLE_SCIM": {"ENABLE_SERVER": True},
    }


def give_token(token: str) -> None:
    """A client whose token may do everything and never ends."""
    now = datetime.datetime.now(datetime.UTC)
    client = models.Client(client_id="jmltui", client_name="jmltui", client_secret=str(uuid.uuid4()), scope=["openid"])
    Backend.instance.save(client)
    given = models.Token(
        token_id=str(uuid.uuid4()),
        access_token=token,
        client=client,
        subject=None,
        type="access_token",
        scope=["openid"],
        issue_date=now,
        lifetime=10**8,
        audience=[client],
    )
    Backend.instance.save(given)


if __name__ == "__main__":
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    app = create_app(config=configuration(int(sys.argv[1])))
    with app.app_context():
        give_token(sys.argv[2])
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
