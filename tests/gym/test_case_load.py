"""Reading cases: every field typed, every mistake named with its file and field, no answer in what is staged."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest

from gym.cases.__main__ import main
from gym.cases.check import self_check
from gym.cases.folder import load_folder
from gym.cases.load import CaseRefused, load_case
from gym.cases.model import Case, Expected, Scoring
from gym.cases.world import state_of, visible
from gym.paths import GymError

BROKEN = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  nodeSelector: {disk: tape}
  containers:
    - {name: app, image: "web:v1"}
"""
FIXED = BROKEN.replace("tape", "ssd")
NODE = {"name": "n1", "labels": {"disk": "ssd"}, "allocatable": {"cpu": "2"}}
STATED = {
    "id": "ours/selector",
    "fault_type": "Unschedulable: nodeSelector",
    "environment_tier": "control_plane",
    "fix_determinable": "yes",
    "cluster_context": {"nodes": [NODE], "existing": {"StorageClass": ["standard"]}},
    "assertions": [{"op": "schedulable", "target": {"kind": "Pod", "name": "web"}}],
    "allowed_changes": ["Pod/web:spec.nodeSelector"],
}


def write(folder, stated=None, **files):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.json").write_text(json.dumps({**STATED, **(stated or {})}))
    for name, text in {"broken": BROKEN, "fixed.reference": FIXED, **files}.items():
        if text is not None:
            (folder / f"{name}.yaml").write_text(text)
    return folder


def problems(folder):
    with pytest.raises(CaseRefused) as refused:
        load_case(folder)
    return [str(problem) for problem in refused.value.problems]


def test_a_case_is_read_and_proves_itself(tmp_path):
    scenario = load_case(write(tmp_path))
    assert scenario.case.broken[0]["spec"]["nodeSelector"] == {"disk": "tape"}
    assert scenario.scoring.expected is Expected.FIX
    assert self_check(scenario) == ()


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"asertions": []}, "asertions: unknown field 'asertions'. Did you mean assertions?"),
        ({"environment_tier": "moon"}, "environment_tier"),
        ({"fix_determinable": "maybe"}, "fix_determinable"),
        ({"manifest_derived": "yes"}, "manifest_derived"),
        ({"allowed_changes": ["Pod/web"]}, "allowed_changes[0]: 'Pod/web' is not Kind/name:path-prefix"),
        ({"allowed_changes": ["Pod/wbe:spec"]}, "allowed_changes[0]: no object of the case is Pod/wbe"),
        ({"assertions": [{"op": "scheduled"}]}, "assertions[0].op: unknown assertion 'scheduled'"),
        (
            {"assertions": [{"op": "schedulable", "target": {"kind": "Pod", "name": "wbe"}}]},
            "assertions[0]: no object of the case is Pod/wbe",
        ),
        ({"assertions": []}, "assertions: nothing says when this case is fixed"),
        ({"diagnosis_only": True}, "diagnosis_only"),
        (
            {"fault_type": "none"},
            "allowed_changes: a control (fault_type none) with changes that are allowed",
        ),
        ({"cluster_context": {"node": []}}, "cluster_context.node: unknown field"),
        ({"cluster_context": {"nodes": [{**NODE, "gpu": 1}]}}, "cluster_context.nodes[0].gpu: unknown field"),
        ({"violating": [{"kind": "Pod"}]}, "violating[0].name: name is missing"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_field(tmp_path, stated, says):
    found = problems(write(tmp_path, stated))
    assert any(f"{tmp_path}/case.json: {says}" in problem for problem in found), found


def test_what_stands_in_two_namespaces_is_named_with_one(tmp_path):
    twin = BROKEN.replace("namespace: shop", "namespace: test")
    found = problems(write(tmp_path, inventory=twin))
    assert [one.partition("case.json: ")[2].partition(":")[0] for one in found] == [
        "assertions[0]",
        "allowed_changes[0]",
    ]


def test_all_mistakes_of_a_case_are_named_at_once(tmp_path):
    found = problems(write(tmp_path, {"assertions": [{"op": "a"}, {"op": "b"}], "allowed_changes": ["c"]}))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (None, "broken.yaml: No such file"),
        ("", "broken.yaml: the file is empty"),
        ("kind: [", "broken.yaml:1: not valid YAML"),
        ("- a", "broken.yaml:1: this is no Kubernetes object"),
        ("kind: Pod\nmetadata: {name: a}", "broken.yaml:1: apiVersion is missing"),
        ("apiVersion: v1\nkind: Pod", "broken.yaml:1: metadata.name is missing"),
        (f"{BROKEN}\n---\n{BROKEN}", "Pod/web is there twice"),
    ],
)
def test_a_manifest_that_is_none_is_named(tmp_path, broken, says):
    assert any(says in problem for problem in problems(write(tmp_path, broken=broken)))


def test_a_policy_task_has_an_inventory_parameters_and_compliant_objects(tmp_path):
    policy = "kind: K8sRequiredLabels\nmatch: null\nparameters: {labels: [pizza]}\ntitle: T\ndescription: D\n"
    other = BROKEN.replace("name: web", "name: other")
    fine = FIXED.replace("name: web", "name: fine")
    scenario = load_case(write(tmp_path, policy_parameters=policy, inventory=other, compliant=fine))
    assert scenario.case.policy.parameters == {"labels": ["pizza"]}
    assert [obj["metadata"]["name"] for obj in scenario.case.inventory] == ["other"]
    assert [obj["metadata"]["name"] for obj in scenario.scoring.compliant_objects] == ["fine"]
    wrong = problems(write(tmp_path, policy_parameters=policy + "verdict: no\n"))
    assert "policy_parameters.yaml: verdict: unknown field" in wrong[0]


def test_the_daemon_sees_the_cluster_and_no_answer(tmp_path):
    secret_words = {"notes": "THE ANSWER", "expected_finding_source": ["THE ANSWER"]}
    scenario = load_case(write(tmp_path, secret_words, **{"broken.original": "# THE ANSWER"}))
    objects = visible(scenario.case)
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in objects] == [
        ("Node", "n1"),
        ("StorageClass", "standard"),
        ("Pod", "web"),
    ]
    assert "ANSWER" not in json.dumps(objects)
    assert "ANSWER" not in repr(scenario.case)
    assert not {one.name for one in fields(Case)} & {one.name for one in fields(Scoring)}
    assert state_of(scenario.case).objects.keys() == {("Pod", "shop", "web")}


def test_a_name_alone_that_makes_no_object_is_said_and_not_left_out(tmp_path):
    scenario = load_case(write(tmp_path, {"cluster_context": {"existing": {"Gateway": ["public"]}}}))
    with pytest.raises(GymError, match=r"Gateway/public.*inventory\.yaml"):
        visible(scenario.case)


def test_a_control_is_a_case_with_nothing_wrong(tmp_path):
    stated = {"fault_type": "none", "allowed_changes": []}
    scenario = load_case(write(tmp_path, stated, **{"fixed.reference": None, "broken": FIXED}))
    assert scenario.scoring.expected is Expected.NOTHING
    assert self_check(scenario) == ()


def test_a_case_that_cannot_tell_right_from_wrong_says_so(tmp_path):
    healthy = load_case(write(tmp_path / "a", broken=FIXED))
    assert any("every assertion holds on broken.yaml" in one for one in self_check(healthy))
    unfixed = load_case(write(tmp_path / "b", **{"fixed.alternative1": BROKEN}))
    assert any(one.startswith("fixed.alternative1.yaml: schedulable") for one in self_check(unfixed))
    wide = load_case(write(tmp_path / "c", **{"fixed.reference": FIXED.replace("web:v1", "web:v2")}))
    assert self_check(wide) == ("fixed.reference.yaml: over-edit Pod/web:spec.containers[name=app].image",)


# ---------------------------------------------------------------- folders


def row(**more):
    named = ("id", "fault_type", "environment_tier", "fix_determinable")
    return json.dumps({**{name: STATED[name] for name in named}, "diagnosis_only": False, **more})


def test_a_folder_is_read_in_the_order_of_its_index(tmp_path):
    write(tmp_path / "x" / "a", {"id": "a"})
    write(tmp_path / "x" / "b", {"id": "b"})
    (tmp_path / "index.jsonl").write_text("\n".join([row(id="b"), row(id="a")]))
    loaded = load_folder(tmp_path)
    assert [scenario.case.id for scenario in loaded.scenarios] == ["b", "a"]
    assert loaded.problems == ()


def test_an_index_and_its_cases_agree(tmp_path):
    write(tmp_path / "a", {"id": "a"})
    write(tmp_path / "b", {"id": "b"})
    lines = [row(id="a", fault_type="another"), row(id="c"), row(id="d", color="red")]
    (tmp_path / "index.jsonl").write_text("\n".join(lines))
    said = [str(problem) for problem in load_folder(tmp_path).problems]
    assert any("index.jsonl:3: color: unknown field" in one for one in said)
    assert any("case c has no folder" in one for one in said)
    assert any("case b is not listed" in one for one in said)
    assert any("the line of a differs" in one for one in said)


def test_one_bad_case_does_not_stop_the_others(tmp_path):
    write(tmp_path / "a", {"id": "a"})
    write(tmp_path / "b", {"id": "b", "fix_determinable": "maybe"})
    loaded = load_folder(tmp_path)
    assert [scenario.case.id for scenario in loaded.scenarios] == ["a"]
    assert len(loaded.problems) == 1


def test_two_cases_of_one_id_are_a_problem(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert "defined twice" in str(load_folder(tmp_path).problems[0])


def test_the_check_command_exits_by_what_it_found(tmp_path, capsys):
    write(tmp_path / "good")
    assert main([str(tmp_path)]) == 0
    write(tmp_path / "bad", {"id": "bad"}, broken=FIXED)
    assert main([str(tmp_path)]) == 1
    assert "bad: every assertion holds on broken.yaml" in capsys.readouterr().out
    assert main([str(tmp_path / "good" / "none")]) == 2
    assert main([]) == 2


def test_an_example_of_a_mistake_that_would_score_is_named(tmp_path):
    anywhere = BROKEN.replace("  nodeSelector: {disk: tape}\n", "")
    strict = [
        {
            "op": "eq",
            "target": {"kind": "Pod", "name": "web"},
            "path": "spec.nodeSelector.disk",
            "value": "ssd",
        }
    ]
    told = load_case(write(tmp_path / "a", {"assertions": strict}, mistake1=anywhere))
    assert self_check(told) == ()
    fooled = load_case(write(tmp_path / "b", mistake1=anywhere))
    assert self_check(fooled) == ("mistake1.yaml: a mistake is right",)


def test_several_symptoms_are_read_and_each_names_an_object_of_the_case(tmp_path):
    shown = {"ready": False, "events": ["Unhealthy: Readiness probe failed"], "lasted": 30}
    one = {"target": {"kind": "Pod", "name": "web"}, "container": "app", **shown}
    case = load_case(write(tmp_path / "a", {"simulated_symptom": [one, shown]})).case
    assert [symptom.container for symptom in case.symptoms] == ["app", None]
    assert case.symptoms[1].lasted == 30
    assert load_case(write(tmp_path / "b", {"simulated_symptom": shown})).case.symptoms[0].events
    stranger = {**one, "target": {"kind": "Pod", "name": "wbe"}}
    found = problems(write(tmp_path / "c", {"simulated_symptom": [one, stranger]}))
    assert "simulated_symptom[1].target: no object of the case is Pod/wbe" in found[0]


def test_a_case_is_plain_data(tmp_path):
    assert asdict(load_case(write(tmp_path)).case)["id"] == "ours/selector"
