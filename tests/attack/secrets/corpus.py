"""Secrets times the ways in which they are written down, and what must stay readable.

Tokens are put together here, so that no file of the repository holds one. Each secret is a text and the part of
it that must be gone. What no rule finds is stated in `LIMITS`, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple


class Leak(NamedTuple):
    """A text that holds a secret."""

    name: str
    text: str
    secret: str


_MIXED = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA"

TOKENS = {
    "AWS key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS session key id": "ASIA" + "IOSFODNN7EXAMPLE",
    "AWS secret key": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "GitHub token": "ghp_" + _MIXED + "abcd",
    "GitHub app token": "ghs_" + _MIXED + "abcd",
    "GitHub fine-grained token": "github_pat_" + _MIXED,
    "GitLab token": "glpat-" + _MIXED[:20],
    "GitLab runner token": "glrt-" + _MIXED[:20],
    "Slack bot token": "xoxb-" + "123456789012-" + _MIXED[:24],
    "Slack app token": "xapp-" + "1-A012-" + _MIXED[:24],
    "JWT": "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + _MIXED,
    "Google key": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "Google OAuth token": "ya29." + _MIXED,
    "npm token": "npm_" + _MIXED + "abcd",
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJDU0" * 3,
    "Stripe key": "sk_" + "live_" + _MIXED[:24],
    "Stripe restricted key": "rk_" + "test_" + _MIXED[:24],
    "OpenAI key": "sk-" + "proj-" + _MIXED,
    "Hugging Face token": "hf_" + _MIXED + "ab",
    "SendGrid key": "SG." + _MIXED[:22] + "." + _MIXED + _MIXED[:11],
    "DigitalOcean token": "dop_v1_" + "0123456789abcdef" * 4,
    "Vault token": "hvs." + _MIXED,
    "Azure storage key": _MIXED + _MIXED[:22].swapcase() + _MIXED[::-1][:32] + "==",
    "Docker Hub token": "dckr_pat_" + _MIXED[:27],
    "Databricks token": "dapi" + "0123456789abcdef" * 2,
    "Telegram bot token": "123456789:" + "AA" + _MIXED + "x",
    "Twilio key": "SK" + "0123456789abcdef" * 2,
    "Shopify token": "shpat_" + "0123456789abcdef" * 2,
    "Grafana token": "glsa_" + _MIXED + "_0123abcd",
    "age key": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" + "QPZRY9X8GF2TVDW0S3JN54KHCE",
}
"""Known by their shape, wherever they stand."""

AROUND = {
    "alone": "{}",
    "in a sentence": "could not use {} for the upload, giving up",
    "in JSON": '{{"level":"error","msg":"sent {} upstream","n":1}}',
    "in JSON in JSON": '{{"log":"{{\\"key\\":\\"{}\\"}}"}}',
    "in YAML": "upload:\n  with: {}\n  retries: 3",
    "in the environment": "UPLOAD_WITH={} ./run",
    "as an argument": "exec /bin/upload --with {} --retries 3",
    "in a query": "GET https://api.example.com/v1/put?with={}&n=1 403",
    "in brackets": "[upload] using ({}), ok",
    "in quotes": "using '{}' now",
    "in backticks": "using `{}` now",
    "in a list": "tried a, {}, c",
    "in XML": "<with>{}</with>",
    "after a colour": "\x1b[31merror\x1b[0m {} is wrong",
    "at the end of a line": "key is {}\nnext line",
}

VALUE = "hunter2-Hunter2"

NAMES = [
    "password",
    "PASSWORD",
    "db_password",
    "DbPassword",
    "spring.datasource.password",
    "passwd",
    "MYSQL_PWD",
    "secret",
    "client_secret",
    "clientSecret",
    "API_KEY",
    "apiKey",
    "api-key",
    "x-api-key",
    "access_token",
    "accessToken",
    "ACCESS_KEY",
    "private_key",
    "privateKey",
    "auth_token",
    "refreshToken",
    "credentials",
    "SESSION_SECRET",
    "signing_key",
    "encryption-key",
    "bearer_token",
    "cookie",
    "passphrase",
    "SLACK_TOKEN",
    "dsn",
    "SMTP_PASS",
    "GITHUB_PAT",
    "jwt_secret",
    "secretKey",
    "SECRET_KEY_BASE",
    "password_salt",
    "account_key",
    "shared_access_key",
]
FORMS = {
    "an assignment": "{name}={value}",
    "an export": 'export {name}="{value}"',
    "a property": "{name} = {value}",
    "YAML": "  {name}: {value}",
    "quoted YAML": "  {name}: '{value}'",
    "JSON": '{{"{name}": "{value}", "n": 1}}',
    "JSON in JSON": '{{"log":"{{\\"{name}\\":\\"{value}\\"}}"}}',
    "a Python dict": "{{'{name}': '{value}', 'n': 1}}",
    "a Ruby hash": '"{name}" => "{value}"',
    "a query": "https://example.com/a?x=1&{name}={value}&y=2",
    "a flag": "--{name} {value}",
    "a flag with a sign": "--{name}={value}",
    "an env entry": '{{"name":"{name}","value":"{value}"}}',
    "XML": "<{name}>{value}</{name}>",
    "Go's map": "map[{name}:{value} n:1]",
    "Go's struct": "{{{name}:{value} N:1}}",
    "a log field": 'level=info msg="start" {name}={value} n=1',
    "the next line": "{name}:\n    {value}\n",
}

URLS = [
    Leak(f"a URL: {scheme}", f"connect {scheme}://app:{VALUE}@db.shop:5432/shop failed", VALUE)
    for scheme in ("postgres", "mysql", "mongodb+srv", "redis", "amqp", "https", "ftp", "jdbc:postgresql")
]

OTHERS = [
    Leak("a URL without a user", f"redis://:{VALUE}@cache:6379/0", VALUE),
    Leak("an encoded password in a URL", "postgres://app:hunter%40two%2F9@db/shop", "hunter%40two"),
    Leak(
        "a token as the user of a URL",
        "https://0123456789abcdef0123@git.example.com/x.git",
        "0123456789abcdef",
    ),
    Leak("basic auth", "Authorization: Basic YXBwOmh1bnRlcjI=", "YXBwOmh1"),
    Leak("basic auth in a header map", "map[Authorization:[Basic YXBwOmh1bnRlcjI=]]", "YXBwOmh1"),
    Leak("a bearer token", "authorization: bearer abcdef.0123456789", "abcdef.0"),
    Leak("a header in JSON", '{"headers":{"Authorization":"Bearer abcdef-0123456789"}}', "abcdef-0"),
    Leak("curl -u", f"curl -u app:{VALUE} https://example.com", VALUE),
    Leak("curl --user", f"curl --user app:{VALUE} https://example.com", VALUE),
    Leak("curl -H", "curl -H 'X-Api-Key: hunter2hunter2' https://example.com", "hunter2hunter2"),
    Leak("mysql -p", f"mysql -u root -p{VALUE} -h db", VALUE),
    Leak("sshpass", f"sshpass -p {VALUE} ssh app@db", VALUE),
    Leak("PGPASSWORD before a command", f"PGPASSWORD={VALUE} psql -h db", VALUE),
    Leak("netrc", f"machine db.example.com login app password {VALUE}", VALUE),
    Leak("pgpass", f"db.shop:5432:shop:app:{VALUE}", VALUE),
    Leak("SQL", f"CREATE USER app IDENTIFIED BY '{VALUE}'", VALUE),
    Leak("SQL of PostgreSQL", f"ALTER ROLE app WITH PASSWORD '{VALUE}'", VALUE),
    Leak("redis AUTH", f"AUTH {VALUE}", VALUE),
    Leak("redis configuration", f"requirepass {VALUE}", VALUE),
    Leak("a connection string", f"Server=db;User Id=sa;Password={VALUE};Encrypt=no", VALUE),
    Leak(
        "an Azure connection string",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + TOKENS["Azure storage key"],
        _MIXED,
    ),
    Leak(
        "a SAS query", "https://a.blob.core.windows.net/c?sv=2022&sig=" + _MIXED + "%3D&se=2026", _MIXED[:16]
    ),
    Leak(
        "a presigned query",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=" + "0123456789abcdef" * 4,
        "0123456789abcdef0123",
    ),
    Leak("Docker's auths", '{"auths":{"registry.example.com":{"auth":"YXBwOmh1bnRlcjI="}}}', "YXBwOmh1"),
    Leak("kubeconfig's token", "users:\n- name: a\n  user:\n    token: abc.def-ghi", "abc.def-ghi"),
    Leak(
        "kubeconfig's key",
        "    client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==",
        "LS0tLS1CRUdJTiBS",
    ),
    Leak(
        "a PEM key",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq2Zk\n-----END RSA PRIVATE KEY-----",
        "MIIEow",
    ),
    Leak(
        "a PEM key in one line of JSON",
        '{"key":"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\n-----END PRIVATE KEY-----\\n"}',
        "MIIEvQ",
    ),
    Leak("a PEM key that is cut off", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIJ", "MHcCAQ"),
    Leak(
        "an OpenSSH key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
        "b3BlbnNz",
    ),
    Leak(
        "a PGP key",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----",
        "lQOYBF",
    ),
    Leak(
        "a PEM key in base64",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFb3dJQkFBS0NBUUVB",
        "LS0tLS1CRUdJTiBS",
    ),
    Leak("an unnamed random string", "using " + _MIXED + " now", _MIXED),
    Leak("a Java exception", f"java.sql.SQLException: Access denied (user=app, password={VALUE})", VALUE),
    Leak("a Python repr", f"Config(host='db', password='{VALUE}')", VALUE),
    Leak("a Rust debug print", f'Config {{ host: "db", password: "{VALUE}" }}', VALUE),
    Leak("an OTP seed", "otpauth://totp/app?secret=JBSWY3DPEHPK3PXP", "JBSWY3DP"),
    Leak("a WireGuard key", "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "yAnz5TF"),
    Leak("a webhook", "https://hooks.slack.com/services/T0000/B0000/" + _MIXED[:24], _MIXED[:24]),
    Leak("a Discord webhook", "https://discord.com/api/webhooks/1234567890/" + _MIXED + _MIXED, _MIXED),
    Leak("a session cookie", f"Set-Cookie: session={VALUE}; Path=/", VALUE),
    Leak("a cookie header", f"Cookie: a=1; session={VALUE}", VALUE),
    Leak("a Helm value", f"helm upgrade web . --set db.password={VALUE}", VALUE),
    Leak("a Docker login", f"docker login -u app -p {VALUE} registry.example.com", VALUE),
    Leak("two secrets in a line", f"password={VALUE} token={VALUE}", VALUE),
    Leak("a secret in German quotes", f"password: \u201e{VALUE}\u201c", VALUE),
]

LEAKS: tuple[Leak, ...] = (
    *(
        Leak(f"{kind} {where}", form.format(token), token)
        for kind, token in TOKENS.items()
        for where, form in AROUND.items()
    ),
    *(
        Leak(f"{name} as {what}", form.format(name=name, value=VALUE), VALUE)
        for name in NAMES
        for what, form in FORMS.items()
    ),
    *URLS,
    *OTHERS,
)

HARMLESS = (
    'Back-off pulling image "shop/auth:v1"',
    'Back-off pulling image "auth:v1"',
    'Failed to pull image "registry.example.com/token-service:2.0.1": not found',
    "image registry.example.com:5000/shop/secret-store:1.4 is present",
    'Successfully pulled image "shop/password-reset:v3.2.1-rc.1" in 2s',
    "dial tcp: lookup auth-service:8080: no such host",
    "connect to auth.shop.svc:443 refused",
    "upstream token-service:9090 timed out",
    'secret "db-credentials" not found',
    'MountVolume.SetUp failed for volume "keys" : secret "web-keys" not found',
    "couldn't find key DATABASE_URL in ConfigMap shop/web-config",
    "couldn't find key password in Secret shop/db",
    "Error: secret key not found",
    "error: password authentication failed for user app",
    "FATAL: password is required to log in",
    "invalid token at line 3",
    "invalid token: unexpected end of JSON input",
    "token expired at noon",
    "authorization header missing",
    "basic authentication failed for user shop",
    "bearer token missing in request",
    "could not read password file /etc/pw",
    "PASSWORD_FILE=/run/secrets/db and SECRET_NAME=db",
    "TOKEN_TTL=3600 TOKEN_ISSUER=https://issuer.example.com",
    "secretName: db-credentials",
    "serviceAccountName: web, automountServiceAccountToken: false",
    "automountServiceAccountToken: true",
    "shop/web@sha256:" + "0a1b2c3d" * 8,
    "container id containerd://" + "9f8e7d6c" * 8,
    "pod web-7f9c6d5b4d-x2x9z (0d3c1f5e-6f0a-4a5e-9a57-0c8a2f6c1b11)",
    "limits memory: 64Mi, cpu: 250m; readiness http://10.0.0.7:8080/healthz",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "/usr/local/lib/python3.11/site-packages/uvicorn/protocols/http/h11_impl.py",
    "com.example.shop.checkout.PaymentGatewayConfigurationException2",
    "at com.example.auth.TokenService.refresh(TokenService.java:42)",
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "goroutine 1 [running]: main.main() /src/auth/token.go:42 +0x1d",
    "GET /api/v1/tokens?limit=10 200 12ms",
    "POST /login 401 in 3 ms",
    "author: jane, authority: example.com",
    "tokens_total 42 and secrets_mounted 3",
    "http://example.com/a/b?c=d",
    "user@example.com wrote to ops@example.com",
    "spec.template.spec.containers[name=app].image: shop/web:1.4 -> shop/web:1.5",
    "passing 3 of 5 checks, compass: north",
    "monkey: see, keyboard: us, keyspace: 0",
    "primary key: id, foreign key: order_id",
    "cookie policy accepted: yes",
    "password: required",
    "auth: none",
    "auth=disabled",
    "token: invalid",
    "secret: not found",
    "apiVersion: v1, kind: Secret, name: db",
    "--token-file /var/run/token --auth-mode rbac",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "2026-01-05T10:00:00Z INFO started in 1.234s",
    "failed to load config: open /etc/web/config.yaml: no such file or directory",
    "OOMKilled exit code 137, restarts 4",
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
)

LIMITS = {
    "a random word without a name": ("opened with correct-horse-battery", "correct-horse-battery"),
    "hexadecimal without a name": ("used " + "0123456789abcdef" * 2, "0123456789abcdef"),
    "a uuid without a name": ("used 0d3c1f5e-6f0a-4a5e-9a57-0c8a2f6c1b11", "0d3c1f5e"),
}
"""No rule tells these from a word, a digest or an object's uid: only a name beside them gives them away."""
