"""Redaction: what goes, what stays, and that doing it twice changes nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediation.redact import is_redacted, redact_manifest, redact_text
from remediation.secret_shapes import looks_random, sensitive_name
from tests.fakes.manifests import container, deployment, pod, running

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq2Zk\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

SECRETS = {
    "aws key": ("AKIA" + "IOSFODNN7EXAMPLE", "AKIAIOSF"),
    "aws secret by shape": ("using wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY now", "wJalr"),
    "github": ("clone failed for ghp_" + "a1B2" * 9, "a1B2"),
    "github fine-grained": ("github_pat_" + "11ABCDEFG0" * 4, "11ABC"),
    "gitlab": ("glpat-" + "xYz1234567890abcdefg", "xYz123"),
    "slack": ("xoxb-" + "123456789012-abcdefghij", "12345678"),
    "slack webhook": ("https://hooks.slack.com/services/T0000/B0000/" + "X" * 24, "XXXX"),
    "jwt": (f"got {JWT} back", "dozjgN"),
    "pem": (f"key:\n{PEM}\nend", "MIIEow"),
    "pem cut off": ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "MIIEv"),
    "pem escaped": ('"-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEI\\n-----END EC PRIVATE KEY-----"', "MHcCA"),
    "google": ("AIza" + "SyA-1234567890abcdefghijklmnopqrstu", "SyA-"),
    "npm": ("npm_" + "a" * 36, "aaaa"),
    "pypi": ("pypi-" + "AgEIcHlwaS5vcmcCJDU0" * 3, "AgEI"),
    "bearer": ("Authorization: Bearer abc.DEF-123456", "abc.DEF"),
    "basic": ("sent header 'authorization': 'Basic dXNlcjpwYXNz'", "dXNlcj"),
    "bearer alone": ("curl -H Bearer 0123456789abcdef", "0123456789"),
    "url": ("dial postgres://shop:s3cr3t@db:5432/shop failed", "s3cr3t"),
    "url token": ("fetch https://0123456789abcdef0123@git.example/x", "0123456789"),
    "connection string": ("Server=db;User Id=sa;Password=Xy9;Encrypt=no", "Xy9"),
    "env": ("DB_PASSWORD=hunter2 started", "hunter2"),
    "yaml": ("  apiKey: hunter2", "hunter2"),
    "json": ('{"client_secret": "hunter 2", "user": "x"}', "hunter"),
    "env entry in json": ('{"name":"DB_PASSWORD","value":"hunter2"}', "hunter2"),
    "flag": ("exec app --db-password hunter2 --verbose", "hunter2"),
    "flag with sign": ("exec app --token=hunter2", "hunter2"),
}

KEPT = [
    'secret "db-credentials" not found',
    "couldn't find key DATABASE_URL in ConfigMap shop/web-config",
    'Back-off pulling image "registry.example:5000/shop/web:1.5x"',
    "shop/web@sha256:" + "0a1b2c3d" * 8,
    "pod web-7f9c6d5b4d-x2x9z (0d3c1f5e-6f0a-4a5e-9a57-0c8a2f6c1b11)",
    "container id containerd://" + "9f8e7d6c" * 8,
    "invalid token: unexpected end of JSON input",
    "basic authentication failed for user shop",
    "PASSWORD_FILE=/run/secrets/db and SECRET_NAME=db",
    "limits memory: 64Mi, cpu: 250m; readiness http://10.0.0.7:8080/healthz",
    "the quick brown fox jumps over the lazy dog at http://example.com/a/b?c=d",
    "/usr/local/lib/python3.11/site-packages/uvicorn/protocols/http/h11_impl.py",
    "com.example.shop.checkout.PaymentGatewayConfigurationException2",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_does_not_survive(name: str) -> None:
    text, secret = SECRETS[name]
    clean, count = redact_text(text)
    assert secret not in clean
    assert "[redacted:" in clean
    assert count >= 1
    assert is_redacted(clean)


@pytest.mark.parametrize("text", KEPT)
def test_what_names_things_in_a_cluster_is_left_alone(text: str) -> None:
    assert redact_text(text) == (text, 0)


def test_the_host_and_user_of_a_url_stay_readable() -> None:
    assert (
        redact_text("postgres://shop:s3cr3t@db:5432/shop")[0]
        == "postgres://shop:[redacted:password]@db:5432/shop"
    )


_FRAGMENTS = st.sampled_from(
    [text for text, _ in SECRETS.values()]
    + KEPT
    + [
        "=",
        ": ",
        '"',
        "'",
        "@",
        "://",
        "[redacted:value]",
        "token",
        "password",
        "Bearer ",
        "\n",
        "--",
        "]",
        "-----BEGIN X-----",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(_FRAGMENTS, st.text(max_size=12)), max_size=8).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once, _ = redact_text(text)
    assert redact_text(once) == (once, 0)


@pytest.mark.parametrize(
    "unit", ["a", "a:", "eyJ", "token=", "-----BEGIN A-----", "://@", 'a="', "--a ", "Basic ", "x@", "aA1"]
)
def test_a_hostile_log_costs_time_linear_in_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    small = max(min(seconds(50_000) for _ in range(3)), 0.002)
    assert seconds(400_000) < 8 * small * 4  # quadratic would be 64 times


def test_manifest_values_go_by_the_name_that_they_stand_under() -> None:
    manifest = deployment(
        "web",
        container(
            image="registry.example:5000/shop/web@sha256:" + "ab" * 32,
            env=[
                {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "DB_HOST", "value": "db"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "db-password", "key": "password"}}},
            ],
            args=["--token", "hunter2", "--token=hunter2", "--verbose"],
            resources={"limits": {"memory": "64Mi"}},
        ),
        volumes=[{"name": "s", "secret": {"secretName": "db-password"}}],
    )
    manifest["metadata"]["annotations"] = {"example.com/api-token": "hunter2", "note": "hello"}
    clean, count = redact_manifest(manifest)
    app = clean["spec"]["template"]["spec"]["containers"][0]
    assert "hunter2" not in str(clean)
    assert count == 4
    assert [env.get("value") for env in app["env"]] == ["[redacted:value]", "db", None]
    assert app["env"][2]["valueFrom"]["secretKeyRef"] == {"name": "db-password", "key": "password"}
    assert app["args"] == ["--token", "[redacted:value]", "--token=[redacted:value]", "--verbose"]
    assert app["image"] == manifest["spec"]["template"]["spec"]["containers"][0]["image"]
    assert app["resources"] == {"limits": {"memory": "64Mi"}}
    assert clean["spec"]["template"]["spec"]["volumes"] == [
        {"name": "s", "secret": {"secretName": "db-password"}}
    ]
    assert clean["metadata"]["annotations"] == {"example.com/api-token": "[redacted:value]", "note": "hello"}


def test_config_map_data_goes_by_key_and_by_shape_and_a_secret_goes_whole() -> None:
    config = {
        "kind": "ConfigMap",
        "data": {"password": "x", "app.ini": "user=a\npassword=b\nport=1", "level": "info"},
    }
    clean, _ = redact_manifest(config)
    assert clean["data"] == {
        "password": "[redacted:value]",
        "app.ini": "user=a\npassword=[redacted:value]\nport=1",
        "level": "info",
    }
    secret, count = redact_manifest({"kind": "Secret", "data": {"anything": "aGVsbG8="}})
    assert (secret["data"], count) == ({"anything": "[redacted:value]"}, 1)


@settings(max_examples=100, deadline=None)
@given(
    image=st.from_regex(
        r"[a-z0-9.]{1,20}(:[0-9]{2,5})?/[a-z0-9/-]{1,40}(:[A-Za-z0-9._-]{1,60}|@sha256:[0-9a-f]{64})",
        fullmatch=True,
    ),
    limit=st.from_regex(r"[1-9][0-9]{0,4}(Mi|Gi|m)?", fullmatch=True),
    name=st.from_regex(r"[a-z][a-z0-9-]{0,50}", fullmatch=True),
)
def test_no_image_limit_or_name_is_ever_destroyed(image: str, limit: str, name: str) -> None:
    live = deployment(name, container(name, image, resources={"limits": {"memory": limit}}))
    clean, _ = redact_manifest({"live": live, "pods": [pod(live, running())]})
    app = clean["live"]["spec"]["template"]["spec"]["containers"][0]
    assert (app["name"], app["image"], app["resources"]) == (name, image, {"limits": {"memory": limit}})
    assert clean["pods"][0]["metadata"]["name"] == pod(live)["metadata"]["name"]
    assert redact_manifest(clean) == (clean, 0)


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "api-key", "apiToken", "AWS_SECRET_ACCESS_KEY", "client_secret", "auth"]
)
def test_names_that_hold_secrets(name: str) -> None:
    assert sensitive_name(name)


@pytest.mark.parametrize(
    "name",
    ["AUTHOR", "PASSWORD_FILE", "TOKEN_TTL", "secretName", "KEYBOARD", "COMPASS", "LOG_LEVEL", "monkey"],
)
def test_names_that_only_sound_like_it(name: str) -> None:
    assert not sensitive_name(name)


def test_random_means_three_kinds_of_characters_that_change_often() -> None:
    assert looks_random("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert not looks_random("0a1b2c3d" * 8)
    assert not looks_random("PaymentGatewayConfigurationException2")
