"""A small OpenID Connect provider: discovery, keys, and a token endpoint that renews.

    with OidcServer(directory, client_secret="s") as provider:
        provider.id_token("alice", seconds=5)

Tokens are signed with a key of the provider's (openssl makes it), so a real API server takes them. Each refresh token is good once; the
answer has the next one. What was asked is in .asked: (path, form, whether the client showed itself in a header).
"""

import base64
import http.server
import json
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse

from json_handler import JsonHandler


def url_base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, input=None):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, input=input).stdout


class Handler(JsonHandler):
    def do_GET(self):
        provider = self.server.provider
        provider.asked.append((self.path, {}, False))
        if self.path == "/.well-known/openid-configuration":
            self.answer(200, {"issuer": provider.issuer, "jwks_uri": provider.issuer + "/keys",
                              "token_endpoint": provider.issuer + "/token", "authorization_endpoint": provider.issuer + "/none",
                              "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                              "id_token_signing_alg_values_supported": ["RS256"]})
        elif self.path == "/keys":
            self.answer(200, {"keys": [provider.public_key()]})
        else:
            self.answer(404, {})

    def do_POST(self):
        provider = self.server.provider
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        header = self.headers.get("Authorization", "")
        provider.asked.append((self.path, form, bool(header)))
        shown = base64.b64decode(header[6:]).decode().split(":") if header else [form.get("client_id"), form.get("client_secret", "")]
        if (header and provider.form_only) or shown != ["shop", urllib.parse.quote(provider.client_secret, "") if header else provider.client_secret]:
            self.answer(401, {"error": "invalid_client"})
        elif form.get("refresh_token") != provider.refresh_token:
            self.answer(400, {"error": "invalid_grant", "error_description": "used or unknown: " + form.get("refresh_token", "")})
        else:
            provider.refresh_token = "planted-refresh-" + secrets.token_hex(8)
            self.answer(200, {"access_token": "none", "token_type": "Bearer", "refresh_token": provider.refresh_token,
                              "id_token": provider.id_token(provider.user, provider.seconds)})


class OidcServer:
    """.seconds: how long the tokens live that it renews; .form_only: the client may not show itself in a header."""

    def __init__(self, directory, client_secret="", seconds=3600, user="alice", form_only=False):
        self.key = directory / "oidc.key"
        self.certificate = directory / "oidc.crt"
        self.client_secret, self.seconds, self.user, self.form_only = client_secret, seconds, user, form_only
        self.refresh_token = "planted-refresh-" + secrets.token_hex(8)
        self.asked = []
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(self.key), "-out", str(self.certificate), "-days", "2",
                "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.provider = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def public_key(self):
        modulus = openssl("rsa", "-in", str(self.key), "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": url_base64(bytes.fromhex(modulus)), "e": "AQAB"}

    def id_token(self, user, seconds):
        now = int(time.time())
        parts = [{"alg": "RS256", "kid": "one"}, {"iss": self.issuer, "aud": "shop", "sub": user, "iat": now, "exp": now + seconds}]
        text = ".".join(url_base64(json.dumps(part).encode()) for part in parts)
        return text + "." + url_base64(openssl("dgst", "-sha256", "-sign", str(self.key), input=text.encode()))

    def user_of(self, id_token=None, **more):
        """The user of a kubeconfig."""
        config = {"idp-issuer-url": self.issuer, "client-id": "shop", "idp-certificate-authority": str(self.certificate),
                  "refresh-token": self.refresh_token, **({"id-token": id_token} if id_token else {}),
                  **({"client-secret": self.client_secret} if self.client_secret else {}), **more}
        return {"auth-provider": {"name": "oidc", "config": {key: value for key, value in config.items() if value is not None}}}

    def renewals(self):
        return [(form, in_header) for path, form, in_header in self.asked if path == "/token"]
