"""Webhooks of the settings: stage types of their own."""

import http.server
import json
import threading

from server import Server


class Forge(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Idempotency-Key"], body))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_stage_of_such_a_type_calls_what_the_settings_say(tmp_path):
    forge = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    threading.Thread(target=forge.serve_forever, daemon=True).start()
    settings = tmp_path / "gennaker.yml"
    settings.write_text(json.dumps({
        "user-configured-url-restrictions": {"rejectLocalhost": False, "rejectVerbatimIps": False},
        "webhook": {"preconfigured": [{
            "type": "createBranch", "label": "Create a branch", "method": "POST",
            "url": f"http://127.0.0.1:{forge.server_port}/${{parameterValues['owner']}}/branches",
            "payload": {"name": "${parameterValues['branch']}"},
            "parameters": [{"name": "owner", "defaultValue": "joe"}, {"name": "branch"}]}]}}))
    with Server(tmp_path / "data", "--config", str(settings)) as server:
        listed = server.get("/webhooks/preconfigured").json()
        assert [(hook["type"], hook["label"], hook["preconfiguredProperties"]) for hook in listed] == [
            ("createBranch", "Create a branch", ["method", "url", "payload"])]
        server.save("a", "p", [{"type": "createBranch", "refId": "1", "url": "https://elsewhere.example.com",
                                "parameterValues": {"branch": "b1"}}])
        run = server.run("a", "p")
        done = server.wait_for(run)
        assert done["status"] == "SUCCEEDED", done
        assert done["stages"][0]["context"]["webhook"]["statusCode"] == "CREATED"
    [(path, key, body)] = Forge.seen
    assert (path, body) == ("/joe/branches", {"name": "b1"})
    assert key.startswith(run)
    forge.shutdown()


def test_a_server_without_any_lists_none(server):
    assert server.get("/webhooks/preconfigured").json() == []
