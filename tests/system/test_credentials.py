"""Credentials that end: ID tokens of an OpenID Connect provider that a real API server trusts, and token files."""

import base64
import json

import pytest

import control_plane
from oidc_server import OidcServer
from test_deploy import Runner, core, deploy, get
from test_manifests import bad, good
from test_trouble import Watched, data_of, service_account, settings, token_of, WRITE


@pytest.fixture(scope="module")
def provider(tmp_path_factory, _control_plane_binary):
    with OidcServer(tmp_path_factory.mktemp("oidc"), client_secret="planted secret/1") as running:
        yield running


@pytest.fixture(scope="module")
def trusting(provider):
    """A cluster whose API server takes the provider's tokens; alice may do everything."""
    flags = ["--oidc-issuer-url", provider.issuer, "--oidc-client-id", "shop", "--oidc-ca-file", str(provider.certificate),
             "--oidc-username-prefix", "oidc:"]
    with control_plane.ControlPlane(flags=flags) as running:
        running.kubectl("create", "clusterrolebinding", "alice", "--clusterrole", "cluster-admin", "--user", "oidc:alice")
        control_plane.wait_for("the API server to know the provider's keys", lambda: running.request(
            "GET", "/api", token=provider.id_token("alice", 60)).status == 200, 60)
        yield running


def kubeconfig(directory, cluster, **users):
    """One context a user, with the same name."""
    path = directory / "kube.config"
    ca = base64.b64encode(cluster.ca_file.read_bytes()).decode()
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": next(iter(users)),
        "clusters": [{"name": "c", "cluster": {"server": cluster.server, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": name}} for name in users]}))
    return path


@pytest.fixture
def run(trusting, tmp_path):
    return Runner(trusting, tmp_path)


def silent(done, *secrets):
    """Nothing of SECRETS, nor any token of the provider's, is shown."""
    text = "".join(done.lines) + json.dumps(done.execution)
    assert not [secret for secret in ("planted", *secrets) if secret in text]
    return done


@pytest.mark.parametrize("old", ["none", "ended", "unknown"])
def test_an_id_token_is_renewed(run, trusting, provider, tmp_path, old):
    namespace = trusting.new_namespace()
    provider.asked.clear()
    provider.form_only = old == "unknown"
    tokens = {"none": None, "ended": provider.id_token("alice", -60), "unknown": provider.id_token("alice", 600)[:-8] + "AAAAAAAA"}
    path = kubeconfig(tmp_path, trusting, alice=provider.user_of(tokens[old]))
    silent(good(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=path)), tokens[old] or "planted")
    assert data_of(trusting, namespace) == {"a": "1"}
    shown = [in_header for _, in_header in provider.renewals()]
    assert shown == ([True, False] if provider.form_only else [True])  # in a header, and in the form where that is not taken
    assert all(form["grant_type"] == "refresh_token" for form, _ in provider.renewals())
    provider.form_only = False


def test_a_good_id_token_is_used_as_it_is(run, trusting, provider, tmp_path):
    namespace = trusting.new_namespace()
    provider.asked.clear()
    path = kubeconfig(tmp_path, trusting, alice=provider.user_of(provider.id_token("alice", 600)))
    good(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=path))
    assert provider.asked == []


def test_a_token_that_ends_while_a_stage_runs_is_renewed_for_all_accounts_at_once(run, trusting, provider, tmp_path):
    """Each refresh token is good once: two accounts with one login must share what came of it."""
    namespace = trusting.new_namespace()
    provider.asked.clear()
    provider.seconds = 12  # of which the last ten are spared
    user = provider.user_of(provider.id_token("alice", -1))
    path = kubeconfig(tmp_path, trusting, alice=user, again=user)
    pause = {"refId": "w", "type": "wait", "name": "Wait", "waitTime": 3, "requisiteStageRefIds": ["One", "Two"]}
    try:
        good(run(deploy(settings("one", a="1"), name="One", account="alice", namespaceOverride=namespace),
                 deploy(settings("two", a="1"), name="Two", account="again", namespaceOverride=namespace), pause,
                 deploy(settings("one", a="2"), name="Three", account="alice", after=["w"], namespaceOverride=namespace),
                 deploy(settings("two", a="2"), name="Four", account="again", after=["w"], namespaceOverride=namespace),
                 kubeconfig=path))
    finally:
        provider.seconds = 3600
    assert data_of(trusting, namespace, "one") == data_of(trusting, namespace, "two") == {"a": "2"}
    used = [form["refresh_token"] for form, _ in provider.renewals()]
    assert len(used) == len(set(used)) >= 2


def test_a_login_that_is_over_says_so(run, trusting, provider, tmp_path):
    namespace = trusting.new_namespace()
    for more, text in (({"refresh-token": "planted-other"}, "the ID token cannot be renewed (400, invalid_grant)"),
                       ({"refresh-token": None}, "there is no refresh-token"),
                       ({"client-secret": "planted-other"}, "the ID token cannot be renewed (401, invalid_client)")):
        path = kubeconfig(tmp_path, trusting, alice=provider.user_of(provider.id_token("alice", -60), **more))
        done = silent(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=path))
        assert text in bad(done, "Deploy") and 'account "default": auth-provider "oidc"' in bad(done, "Deploy")
    assert get(trusting, core(namespace, "configmaps", "settings")) is None


def test_a_token_file_that_was_replaced_is_read_after_a_refusal(run, trusting, tmp_path):
    """The file is read every minute, and at once when the API server refuses what it held."""
    namespace = trusting.new_namespace()
    service_account(trusting, namespace, "first", ([""], ["configmaps"], WRITE))
    service_account(trusting, namespace, "second", ([""], ["configmaps"], WRITE))
    held = tmp_path / "token"
    held.write_text(token_of(trusting, namespace, "first"))
    path = kubeconfig(tmp_path, trusting, file={"tokenFile": str(held)})
    again = {"refId": "w", "type": "wait", "name": "Wait", "waitTime": 4, "requisiteStageRefIds": ["One"]}
    watched = Watched(run, deploy(settings(a="1"), name="One", namespaceOverride=namespace), again,
                      deploy(settings(a="2"), name="Two", after=["w"], namespaceOverride=namespace), kubeconfig=path).until("Wait")
    token = held.read_text()
    trusting.kubectl("-n", namespace, "delete", "serviceaccount", "first")
    held.write_text(token_of(trusting, namespace, "second"))
    control_plane.wait_for("the token's end", lambda: trusting.request("GET", "/api", token=token).status == 401, 30)
    good(watched.end())
    assert data_of(trusting, namespace) == {"a": "2"}
