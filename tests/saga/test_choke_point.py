"""One choke point: whatever can reach the API server with a write is found by walking the product's code, and the
one function that does is stopped by each guard alone."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.act import act
from daemon.state import World
from daemon.write import Step, rehearse, resend, write
from intents.model import Mode
from remediation.guards import GUARDS
from remediation.rehearsal import canary, changed_template
from remediation.saga import Event, State
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import find_cases, last_step, newest_steps
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeNotifier
from tests.fakes.rig import BAD, INTENT, Rig
from tests.remediation.guards.ground import LIVE, TARGET
from tests.remediation.guards.test_each_guard_alone import TAKE_AWAY, contexts

ROOT = Path(__file__).parents[2]
PRODUCT = ("daemon", "store", "remediation", "detectors", "intents")

NETWORK = {
    "daemon/control.py",  # a Unix socket: orders from people
    "daemon/doctor.py",  # the API server: may we? (SelfSubjectAccessReview)
    "daemon/http.py",  # serves health and metrics
    "daemon/kube/connect.py",  # the official client's configuration
    "daemon/kube/errors.py",  # its exceptions
    "daemon/kube/transport.py",  # the requests themselves
    "daemon/notify.py",  # messages to people
    "daemon/ollama_model.py",  # the model server
    "daemon/ollama_transport.py",
    "daemon/prometheus_metrics.py",  # Prometheus
    "daemon/supervisor.py",  # systemd's datagram socket
}
"""Files that may speak to anything outside the process."""

MODULES = {
    "aiohttp", "apprise", "asyncio", "ftplib", "grpc", "httpx", "kubernetes", "ollama", "prometheus_api_client", "requests",
    "smtplib", "socket", "socketserver", "ssl", "urllib3", "websocket", "websockets",
}  # fmt: skip
"""Modules with which one can; `http` and `urllib` for their clients alone."""

PROGRAMS = {"subprocess", "multiprocessing", "ctypes", "importlib", "pty", "runpy", "code"}
"""Modules with which one could start another program, or reach code that this walk does not see."""

SEND = "daemon/kube/write.py"
TYPED_CLIENT = re.compile(
    r"(create|patch|replace|delete)_(namespaced|cluster|self|subject|token|collection|custom)|connect_(post|put|patch|delete)_"
)


def ways_round(path: str, source: str) -> list[str]:
    """Whatever in one file could write to the API server without passing the choke point."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [_of_module(path, name.name) for name in names]
            case ast.ImportFrom(module=str(module), names=names):
                found += [
                    _of_module(path, module),
                    *(_of_module(path, f"{module}.{name.name}") for name in names),
                ]
            case ast.Call(func=ast.Attribute(attr="call_api" | "urlopen" | "request")):
                found.append("" if path == "daemon/kube/transport.py" else "a request of its own")
            case ast.Call(func=ast.Attribute(value=value, attr="send")):
                sender = ast.unparse(value).rpartition(".")[2].lstrip("_")
                harmless = sender in {"questions", "consultation", "notifier"} or path == SEND
                found.append("" if harmless else f"{sender}.send")
            case ast.Call(func=ast.Attribute(value=value, attr="patch" | "create" | "delete")):
                allowed = {
                    "daemon/write.py": "world.cluster",
                    "daemon/recreate.py": "world.cluster",
                    "daemon/kube/cluster.py": "write",
                }
                found.append(
                    "" if allowed.get(path) == ast.unparse(value) else f"{ast.unparse(node.func)} is called"
                )
            case ast.Attribute(attr=attr) if TYPED_CLIENT.match(attr):
                asks = path == "daemon/doctor.py" and attr == "create_self_subject_access_review"
                found.append("" if asks else f"the official client's {attr}")
            case ast.Call(func=ast.Name(id="eval" | "exec" | "__import__" | "compile" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=attr)) if re.match(
                r"exec|spawn|fork|system|popen", attr
            ):
                found.append(f"os.{attr}")
            case ast.Constant(value="PATCH" | "POST" | "PUT" | "DELETE" as verb) if path != SEND:
                found.append(verb)
    return [reason for reason in found if reason]


def _of_module(path: str, module: str) -> str:
    top = module.partition(".")[0]
    if module.startswith("importlib.metadata") or (
        module == "importlib" and path == "daemon/cli/__init__.py"
    ):
        return ""
    if top in PROGRAMS:
        return f"imports {module}"
    if (top in MODULES or module in {"http.client", "urllib.request"}) and path not in NETWORK:
        return f"speaks {module}"
    if module == "daemon.kube.write" and path != "daemon/kube/cluster.py":
        return "imports the sender"
    if module == "daemon.write" and path not in {
        "daemon/act.py",
        "daemon/rehearse.py",
        "daemon/roll_back.py",
        "daemon/settle.py",
        "daemon/settle_recreation.py",
    }:
        return "imports the choke point"
    if module == "daemon.recreate" and path != "daemon/write.py":
        return "imports the second half of the choke point"
    return ""


def test_no_place_in_the_product_can_write_but_the_choke_point():
    files = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 150
    found = {
        str(path.relative_to(ROOT)): ways
        for path in files
        if (ways := ways_round(str(path.relative_to(ROOT)), path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("daemon/look.py", "import requests\nrequests.put('https://server')"),
        ("daemon/look.py", "from http.client import HTTPSConnection"),
        ("daemon/look.py", "def later():\n    from kubernetes import client"),
        ("daemon/doctor.py", "api.patch_namespaced_deployment('web', 'shop', {})"),
        ("daemon/doctor.py", "api.delete_collection_namespaced_pod('shop')"),
        ("daemon/doctor.py", "api.connect_post_namespaced_pod_exec('web', 'shop')"),
        ("daemon/doctor.py", "client.call_api('PATCH', path)"),
        ("daemon/kube/evidence.py", "transport.send(method, path, (), body)"),
        ("daemon/kube/reflector.py", "self._transport.send(method, path, (), body)"),
        ("daemon/rounds.py", "world.cluster.patch(ref, operations)"),
        ("daemon/commands.py", "self._world.cluster.delete(ref)"),
        ("daemon/think.py", "from daemon.write import write"),
        ("daemon/act.py", "from daemon import recreate"),
        ("daemon/act.py", "from daemon.recreate import finish"),
        ("daemon/think.py", "from daemon.kube import write"),
        ("daemon/think.py", "import daemon.kube.write as w"),
        ("daemon/cli/orders.py", "import subprocess\nsubprocess.run(['kubectl', 'apply'])"),
        ("daemon/cli/orders.py", "import os\nos.execvp('kubectl', [])"),
        ("store/ledger.py", "import importlib\nimportlib.import_module('requests')"),
        ("remediation/plan.py", "__import__('socket')"),
        ("daemon/kube/evidence.py", "verb = 'DELETE'"),
    ],
)
def test_the_walk_finds_each_way_round(path, source):
    assert ways_round(path, source)


def test_within_the_choke_point_nothing_is_sent_but_by_the_functions_that_ask_the_guards():
    tree = ast.parse((ROOT / "daemon" / "write.py").read_text())
    users = {
        function.name: [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
    }
    senders = {"write", "resend", "rehearse", "remove"}
    assert {name for name, calls in users.items() if "_send" in calls} == senders
    assert {name for name, calls in users.items() if any("world.cluster." in call for call in calls)} == {
        "_send",
        "_review",
        "remove",  # reads
    }
    assert users["write"].count("_send") == 2  # the dry run, and in earnest
    assert (
        users["rehearse"].count("_send") == 3
    )  # the change's dry run, the canary's, and the canary in earnest
    for sender in ("write", "rehearse"):  # a review, the guards after the dry run, the stops after the record
        assert (users[sender].count("_review"), users[sender].count("run_guards")) == (1, 2)
    assert {"run_guards", "allowed"} <= set(users["resend"]) & set(users["_review"]) & set(users["remove"])
    assert users["remove"].count("world.cluster.read") == 1
    halves = {name: {call for call in calls if call.startswith("recreate.")} for name, calls in users.items()}
    assert {name: calls for name, calls in halves.items() if calls} == {
        "_send": {"recreate.rehearse", "recreate.recreate"},
        "finish": {"recreate.finish"},
    }
    assert "_onward" in users["finish"]
    assert "run_guards" in users["_onward"]


# ------------------------------------------------------------ each guard alone, down to the cluster


class NoLedger:
    """Where a write would be announced; nothing may come here while a guard refuses."""

    def __init__(self):
        self.rows = []

    def record(self, entries, *, at):
        self.rows += entries


def scene(live):
    cluster, store = FakeCluster(), NoLedger()
    cluster.put(live)
    live = cluster.object(*TARGET.key)
    model = FakeModel()
    world = World(cluster, FakeMetrics(), model, model, FakeClock(), FakeNotifier(), store, None)
    return world, cluster, store, live


def spoilt(ctx, guard, live):
    """The scene's own object in the context, with everything allowing but one guard."""
    version = live["metadata"]["resourceVersion"]
    ready = TAKE_AWAY[guard](ctx)
    if ready.live is not None:
        ready = replace(
            ready, live={**ready.live, "metadata": {**ready.live["metadata"], "resourceVersion": version}}
        )
    return ready


@pytest.mark.parametrize("guard", [guard.name for guard in GUARDS])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ctx=contexts(), late=st.booleans())
def test_while_one_guard_refuses_nothing_reaches_the_cluster(guard, ctx, late):
    """`late`: it refuses only when asked again, after the dry run."""
    world, cluster, store, live = scene(LIVE)
    asked = []

    def context(plan, found):
        asked.append(plan)
        return ctx if late and len(asked) == 1 else spoilt(ctx, guard, live)

    done = write(world, "case-1", TARGET, lambda _: ctx.plan, context, event=Event.APPLY_STARTED)
    assert done.step is Step.DENIED
    assert [verdict.guard for verdict in done.verdicts if not verdict.allowed] == [guard]
    assert done.detail.startswith(f"{guard}: ")
    assert cluster.written == []
    assert len(cluster.dry_runs) == int(late)
    assert store.rows == []
    refused = resend(world, ctx.plan, live, lambda *_: spoilt(ctx, guard, live), operation_id="op")
    assert isinstance(refused, str)
    assert refused.startswith(f"{guard}: ")
    assert cluster.written == []


@pytest.mark.parametrize("guard", [guard.name for guard in GUARDS])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ctx=contexts(), late=st.booleans())
def test_while_one_guard_refuses_the_change_its_canary_is_not_created_either(guard, ctx, late):
    world, cluster, store, live = scene(LIVE)
    asked = []

    def context(plan, found):
        asked.append(plan)
        return ctx if late and len(asked) == 1 else spoilt(ctx, guard, live)

    def pod(plan, found, operation_id):
        template = changed_template(plan, found)
        return canary(plan.target, template, case_id="case-1", operation_id=operation_id, deadline=60)

    done = rehearse(world, "case-1", TARGET, lambda _: ctx.plan, context, pod)
    assert done.step is Step.DENIED
    assert done.detail.startswith(f"{guard}: ")
    assert (cluster.written, store.rows) == ([], [])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ctx=contexts())
def test_where_every_guard_allows_it_the_write_is_on_record_first_and_happens_once(ctx):
    world, cluster, store, _live = scene(LIVE)
    seen = []
    cluster.react = lambda written: seen.append((written.operation_id, [entry.event for entry in store.rows]))
    done = write(
        world, "case-1", TARGET, lambda _: ctx.plan, lambda *_, **only: ctx, event=Event.APPLY_STARTED
    )
    assert done.step is Step.WRITTEN
    ((operation, announced),) = seen
    assert announced == [Event.GUARDED, Event.APPLY_STARTED]
    assert store.rows[-1].payload["operation_id"] == operation
    assert {verdict["guard"] for verdict in store.rows[-1].payload["verdicts"]} == {
        guard.name for guard in GUARDS
    }


# ------------------------------------------------------------ and the ledger says which


def paused(rig):
    row = {"scope": "all", "reason": "maintenance", "by": "ann", "until": None}
    rig.store.record([Entry(SystemEvent.PAUSED, row)], at=rig.clock.now())


def limits(rig, **changed):
    settings_ = rig.world.settings
    rig.world = replace(
        rig.world,
        settings=settings_.model_copy(update={"limits": settings_.limits.model_copy(update=changed)}),
    )


def intent(rig, old, new):
    from daemon.rounds import read_catalog

    assert old in INTENT
    rig.source.write("web.yaml", INTENT.replace(old, new).encode())
    read_catalog(rig.world, rig.memory, rig.source)


def stormy(rig):
    rig.memory.storm = True


def steered(rig):
    item = rig.cluster.object("Deployment", "shop", "web")
    item["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "web"
    rig.cluster.put(item)


ARRANGED = {
    "kill-switch": lambda rig: rig.world.settings.kill_switch.touch(),
    "pause": paused,
    "storm": stormy,
    "kinds": lambda rig: limits(rig, namespaces=("payments",)),
    "editable": lambda rig: intent(rig, 'pattern: "shop/.*"', 'pattern: "payments/.*"'),
    "hands-off": steered,
    "budget": lambda rig: limits(rig, cluster_changes=0),
    "window": lambda rig: intent(
        rig, "cooldown: 1m", 'cooldown: 1m\n  window: {days: [Sun], start: "01:00", end: "01:01"}'
    ),
    "mode": lambda rig: limits(rig, mode=Mode.OBSERVE),
}
"""What happens between the proposal and the write, so that this guard alone refuses."""


@pytest.mark.parametrize("guard", ARRANGED)
def test_the_ledger_says_which_guard_stopped_the_write(tmp_path, guard):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    rig.grant("auto")
    ARRANGED[guard](rig)
    before = newest_steps(rig.store, limit=1)[0].seq
    rig.memory.retry_at = {}
    act(rig.world, rig.memory, find_cases(rig.store)[0])
    assert rig.image == BAD
    assert rig.cluster.written == []
    row = last_step(rig.store, case.case_id, Event.GUARDED)
    assert row.seq > before
    assert [verdict["guard"] for verdict in row.payload["verdicts"] if not verdict["allowed"]] == [guard]
    assert last_step(rig.store, case.case_id, Event.APPLY_STARTED) is None
