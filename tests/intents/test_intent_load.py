"""One file: every mistake named at once, with its line, field and remedy."""

from __future__ import annotations

import zoneinfo
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from intent_texts import GOOD, intent, text

from intents.catalog import compile_catalog
from intents.load import MAX_PROBLEMS, load
from intents.model import Mode

ZONES = frozenset(zoneinfo.available_timezones())
IMAGE = "spec.template.spec.containers[*].image"
MEMORY = "spec.template.spec.containers[*].resources.limits.memory"


def the_problem(**spec: Any) -> tuple[str, str]:
    """Field and sentence of the only problem of a good intent with these parts."""
    (problem,) = load("web.yaml", text(intent(**spec)), zones=ZONES).problems
    assert problem.remedy
    assert problem.line > 1
    return problem.field, f"{problem.message}. {problem.remedy}"


def test_a_good_file_gives_its_intents_and_no_problems() -> None:
    loaded = load("web.yaml", text(intent("a"), intent("b", mode="propose")))
    assert loaded.problems == ()
    assert [(i.name, i.spec.mode) for i in loaded.intents] == [("a", Mode.AUTO), ("b", Mode.PROPOSE)]
    assert loaded.documents[0].line == 1


def test_the_digest_is_of_the_content_not_of_the_layout() -> None:
    written = text(intent())
    turned = yaml.safe_dump(intent(), sort_keys=True, default_flow_style=True)
    (one,) = load("a", written).documents
    (two,) = load("b", "# comment\n" + turned).documents
    (other,) = load("c", text(intent(mode="propose"))).documents
    assert one.digest == two.digest != other.digest


def test_all_mistakes_come_at_once_each_at_its_line() -> None:
    written = """\
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata:
  name: Web Shop
spec:
  scope:
    namespace: shop
    nam: web
  expectations:
    - type: metric
      query: up
      operator: "=<"
      threshold: "5"
      for: soon
    - type: workloadHealty
    - type: replicasAtLeast
      count: 0
  mode: automatic
  editable:
    - path: metadata.name
    - path: spec.replicas
      min: 5
      max: 2
  cooldwn: 5m
  verification:
    window: 5m
    timeout: 1m
"""
    found = [(p.line, p.field) for p in load("web.yaml", written).problems]
    assert found == [
        (4, "metadata.name"),
        (8, "spec.scope.nam"),
        (12, "spec.expectations[0].operator"),
        (13, "spec.expectations[0].threshold"),
        (14, "spec.expectations[0].for"),
        (15, "spec.expectations[1]"),
        (17, "spec.expectations[2].count"),
        (18, "spec.mode"),
        (20, "spec.editable[0].path"),
        (22, "spec.editable[1].min"),
        (24, "spec.cooldwn"),
        (27, "spec.verification.timeout"),
    ]


def test_a_problem_reads_as_one_line_with_place_and_remedy() -> None:
    (problem,) = load("web.yaml", text(intent(mode="automatic"))).problems
    assert str(problem) == (
        "web.yaml:12: spec.mode: 'automatic' is not allowed. "
        "Did you mean auto? Allowed here: observe, propose, auto"
    )


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        ({"cooldwn": "5m"}, "spec.cooldwn", "Did you mean cooldown?"),
        ({"scope": {"namespace": "shop", "match_labels": {}}}, "spec.scope.match_labels", "matchLabels"),
        ({"scope": {"kind": "Deployment"}}, "spec.scope.namespace", "missing"),
        ({"scope": {"namespace": "shop", "matchLabels": {"v": 1}}}, "spec.scope.matchLabels.v", "quotes"),
        ({"expectations": []}, "spec.expectations", "empty"),
        ({"expectations": {"type": "workloadHealthy"}}, "spec.expectations", "list"),
        ({"expectations": [{"type": "healthy"}]}, "spec.expectations[0]", "workloadHealthy"),
        ({"expectations": [{}]}, "spec.expectations[0]", "Add `type:`"),
        (
            {"expectations": [{"type": "replicasAtLeast", "count": True}]},
            "spec.expectations[0].count",
            "whole number",
        ),
        ({"budget": {"changes": -1}}, "spec.budget.changes", "at least 0"),
        ({"budget": {"per": "0s"}}, "spec.budget.per", "no budget"),
        ({"cooldown": 300}, "spec.cooldown", "quotes"),
        ({"window": {"start": "9:00"}}, "spec.window.start", "09:00"),
        ({"window": {"start": "09:00", "end": "09:00"}}, "spec.window.end", "empty"),
        ({"window": {"days": ["Mon", "Mon"]}}, "spec.window.days[1]", "same day"),
        ({"window": {"timeZone": "Europe/Berlim"}}, "spec.window.timeZone", "Did you mean Europe/Berlin?"),
        (
            {"freezes": [{"from": "2026-12-24", "until": "2026-12-23", "reason": "x"}]},
            "spec.freezes[0].until",
            "empty",
        ),
        (
            {"freezes": [{"from": "24.12.2026", "until": "2026-12-31", "reason": "x"}]},
            "spec.freezes[0].from",
            "2026-12-23",
        ),
        (
            {"freezes": [{"from": "2026-02-30", "until": "2026-12-31", "reason": "x"}]},
            "spec.freezes[0].from",
            "day",
        ),
        ({"freezes": [{"from": "2026-12-24", "until": "2026-12-31"}]}, "spec.freezes[0].reason", "reason"),
        (
            {
                "freezes": [
                    {"from": "2026-12-24", "until": "2026-12-31", "reason": "x", "timeZone": "Europe/Berlim"}
                ]
            },
            "spec.freezes[0].timeZone",
            "Did you mean Europe/Berlin?",
        ),
        ({"gates": [{"query": "ALERTS{"}]}, "spec.gates[0].query", "{ is not closed"),
        ({"verification": {"window": "5m", "timeout": "5m"}}, "spec.verification.timeout", "raise timeout"),
        ({"verification": {"window": "0s"}}, "spec.verification.window", "verifies nothing"),
        ({"rehearsal": {"window": "5m"}}, "spec.rehearsal.timeout", "raise timeout"),
        ({"rehearsal": {"window": "0s"}}, "spec.rehearsal.window", "rehearses nothing"),
        ({"rehearsal": {"windows": "30s"}}, "spec.rehearsal.windows", "Did you mean window?"),
        ({"editable": []}, "spec.mode", "propose"),
        (
            {"expectations": [{"type": "workloadHealthy"}, {"type": "workloadHealthy"}]},
            "spec.expectations[1]",
            "the same as spec.expectations[0]",
        ),
    ],
)
def test_a_mistake_names_its_field_and_the_remedy(spec: dict[str, Any], field: str, says: str) -> None:
    place, sentence = the_problem(**spec)
    assert place == field
    assert says in sentence


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"path": "status.replicas"}, "written by controllers"),
        ({"path": "metadata.name"}, "can never be changed"),
        ({"path": "metadata.namespace"}, "can never be changed"),
        ({"path": "metadata.ownerReferences[*].name"}, "can never be changed"),
        ({"path": "kind"}, "can never be changed"),
        ({"path": "metadata.annotations.*"}, "Name the annotation"),
        ({"path": r"metadata.annotations.intentd\.io/operation"}, "intentd's own"),
        ({"path": "metadata"}, "whole object"),
        ({"path": "metadata.labels"}, "whole object"),
        ({"path": "spec"}, "whole object"),
        ({"path": "spec.template"}, "whole object"),
        ({"path": "spec.template.spec.containers[*]"}, "whole object"),
        ({"path": "spec.template.spec.containers[name=app].resources"}, "whole object"),
        ({"path": "spec.template.spec.containers[*].resources.limits"}, "whole object"),
        ({"path": "spec.*"}, "would open every field"),
        ({"path": "*"}, "no field"),
        ({"path": "spec.template.spec.containers[*].securityContext.*"}, "would open every field"),
        ({"path": "spec.template.spec.containers.image"}, "containers[*].image"),
        ({"path": "spec.template.spec.containers[0].image"}, "[name=...]"),
        ({"path": "spec.template.spec.containers[*].imgae"}, "Did you mean"),
        ({"path": "spec.selector.matchLabels.app"}, "immutable"),
        ({"path": "data.KEY"}, "no field 'data'"),
        ({"kind": "ConfigMap", "path": "spec.replicas"}, "no field 'spec'"),
        ({"kind": "ConfigMap", "path": "data"}, "whole object"),
        ({"path": "a["}, "has no list before it or no ']'"),
        ({"path": ""}, "empty"),
        ({"path": IMAGE, "min": 1}, "does not apply"),
        ({"path": MEMORY, "min": "1Gi", "max": "512Mi"}, "greater than max"),
        ({"path": MEMORY, "min": "-1"}, "negative"),
        ({"path": MEMORY, "min": "1GB"}, "not a Kubernetes quantity"),
        ({"path": MEMORY, "min": True}, "text"),
        ({"path": MEMORY, "max": "1Gi", "values": ["1Gi"]}, "beside"),
        ({"path": MEMORY, "pattern": ".*"}, "Use min and max"),
        ({"path": IMAGE, "pattern": "("}, "cannot be used"),
        ({"path": IMAGE, "pattern": r"(a)\1"}, "cannot be used"),
        ({"path": IMAGE, "pattern": "a(?=b)"}, "cannot be used"),
        ({"path": IMAGE, "pattern": "a)|(b"}, "cannot be used"),
        ({"path": IMAGE, "pattern": r"(\w{1000}){1000}"}, "cannot be used"),
        ({"path": IMAGE, "pattern": "web:.*", "values": ["db:1"]}, "does not match the pattern"),
        ({"path": IMAGE, "values": []}, "no value is allowed"),
        ({"path": IMAGE, "values": [1.10]}, "quotes"),
        ({"kind": "StatefulSet", "path": "spec.replicas"}, "Add `kind: Deployment`"),
    ],
)
def test_an_editable_field_that_is_no_good_is_refused(entry: dict[str, Any], says: str) -> None:
    _, sentence = the_problem(editable=[entry])
    assert says in sentence


@pytest.mark.parametrize(
    "entry",
    [
        {"path": IMAGE, "pattern": r"registry\.local/.*"},
        {"path": MEMORY, "min": 64, "max": "1Gi"},
        {"path": "spec.replicas", "min": 1, "max": 10},
        {
            "path": "spec.template.spec.containers[name=app].livenessProbe.httpGet.port",
            "values": [8080, "http"],
        },
        {"path": "spec.template.spec.topologySpreadConstraints[*].maxSkew", "max": 3},
        {"path": "metadata.labels.*"},
        {"kind": "Service", "path": "spec.selector.*"},
        {"kind": "ConfigMap", "path": "data.*"},
    ],
)
def test_an_editable_field_that_fixes_need_is_accepted(entry: dict[str, Any]) -> None:
    assert load("web.yaml", text(intent(editable=[entry]))).problems == ()


def test_one_field_has_one_entry() -> None:
    field, sentence = the_problem(editable=[{"path": IMAGE}, {"path": IMAGE, "pattern": "web:.*"}])
    assert field == "spec.editable[1].path"
    assert "spec.editable[0]" in sentence


SERVICE = {"namespace": "shop", "kind": "Service", "name": "web"}


def manifest(**changes: Any) -> dict[str, Any]:
    whole = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "b"},
        **changes,
    }
    return {"expectations": [{"type": "manifest", "manifest": whole}]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"scope": SERVICE, "editable": [{"kind": "Service", "path": "spec.selector.app"}]},
            "endpointsPresent",
        ),
        ({"scope": SERVICE, "expectations": [{"type": "endpointsPresent", "service": "db"}]}, "same Service"),
        (manifest(metadata={"name": "c", "namespace": "other"}), "not the scope's"),
        (manifest(kind="Secret"), "not a kind that intentd writes"),
        (manifest(kind="ClusterRole", apiVersion="rbac.authorization.k8s.io/v1"), "not a kind"),
        (manifest(apiVersion="v2"), "Write v1"),
        (manifest(kind="Service"), "an intent of its own"),
        (manifest(kind="Deployment", apiVersion="apps/v1"), "the same object in both"),
        (manifest(metadata={"name": 5}), "quotes"),
        (manifest(metadata={"name": "c", "uid": "x"}), "belongs to the cluster"),
        (manifest(status={}), "belongs to the cluster"),
        (manifest(metadata={}), "metadata.name"),
    ],
)
def test_expectations_fit_the_scope(spec: dict[str, Any], says: str) -> None:
    _, sentence = the_problem(**spec)
    assert says in sentence


STATEFUL_SET = {"scope": {"namespace": "shop", "kind": "StatefulSet"}}
OPENED = {"editable": [{"kind": "StatefulSet", "path": "spec.serviceName"}]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({**OPENED, "recreate": ["Deployment"]}, "is not allowed"),
        ({**OPENED, "recreate": ["StatefulSet", "StatefulSet"]}, "the same kind as spec.recreate[0]"),
        ({**OPENED, "recreate": ["StatefulSet", "Job"]}, "no field of a Job is editable"),
    ],
)
def test_a_kind_that_cannot_be_recreated_is_refused(spec: dict[str, Any], says: str) -> None:
    _, sentence = the_problem(**STATEFUL_SET, **spec)
    assert says in sentence


def test_kinds_of_which_something_may_change_may_be_recreated() -> None:
    loaded = load("f", text(intent(**STATEFUL_SET, **OPENED, recreate=["StatefulSet"])))
    assert loaded.problems == ()


def test_auto_without_editable_fields_may_still_provision_a_manifest() -> None:
    assert load("f", text(intent(editable=None, **manifest()))).problems == ()


def test_two_documents_of_one_name_in_a_file_are_reported_at_the_second() -> None:
    (problem,) = load("f", text(intent("a"), intent("a", mode="propose"))).problems
    assert problem.line == 19
    assert "already defined at line 4" in problem.message


def test_a_manifest_among_intents_is_one_sentence() -> None:
    written = text(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {}}, GOOD
    )
    loaded = load("f", written)
    (problem,) = loaded.problems
    assert "a Deployment is no intent" in problem.message
    assert [i.name for i in loaded.intents] == ["web"]


def test_a_file_cut_before_its_expectations_is_always_a_problem_at_a_line_that_exists() -> None:
    written = text(intent())
    for end in range(written.index("workloadHealthy")):
        cut = written[:end]
        problems = load("f", cut).problems
        assert problems, cut
        assert all(1 <= problem.line <= max(1, len(cut.splitlines())) for problem in problems)


@pytest.mark.parametrize("text_in_file", ["x\ny", "\x1b[31mred", "a" * 500, "\u2028"])
def test_content_of_a_file_cannot_forge_or_flood_a_line(text_in_file: str) -> None:
    for place in ("kind", "apiVersion"):
        document = {**GOOD, place: text_in_file, "metadata": {"name": "web", text_in_file: 1}}
        for problem in load("f", text(document)).problems:
            assert str(problem).isprintable()
            assert len(str(problem)) < 400


def test_thousands_of_mistakes_are_cut_to_a_readable_list() -> None:
    written = text(intent()) + "".join(f"  x{n}: 1\n" for n in range(3000))
    problems = load("f", written).problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].message == "and 2900 more problems"


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_compiler(data: bytes) -> None:
    catalog = compile_catalog({"f.yaml": data})
    assert bool(catalog.problems) != bool(catalog.intents)
    lines = max(1, len(data.split(b"\n")) - data.endswith(b"\n"))
    assert all(0 <= problem.line <= lines for problem in catalog.problems)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    ("metadata",),
    ("metadata", "name"),
    ("spec",),
    ("spec", "scope"),
    ("spec", "scope", "namespace"),
    ("spec", "expectations"),
    ("spec", "expectations", 0),
    ("spec", "expectations", 0, "type"),
    ("spec", "mode"),
    ("spec", "editable"),
    ("spec", "editable", 0),
    ("spec", "editable", 0, "path"),
    ("spec", "editable", 0, "min"),
    ("spec", "window"),
    ("spec", "verification"),
]


@given(st.sampled_from(PLACES), JSON)
def test_any_value_anywhere_is_an_intent_or_a_sentence_with_its_line(
    place: tuple[Any, ...], value: Any
) -> None:
    document = intent()
    here: Any = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    written = yaml.safe_dump(document, allow_unicode=True)
    loaded = load("f.yaml", written, zones=ZONES)
    assert bool(loaded.problems) != bool(loaded.intents)
    for problem in loaded.problems:
        assert 1 <= problem.line <= written.count("\n")
        assert problem.message
        assert problem.remedy, problem
        assert "\n" not in str(problem)
