"""The rules about Deployments, StatefulSets and DaemonSets: what may change in a pod template.

Deny by default: fields are equal before and after unless the guards' table lists them, and then still not
every value passes (another registry, a variable that loads code). A field that a person named in the object's
own annotation `intentd.io/may-restore` (`command,args`) may change too: the API server does not know the last
known good, so without it a restore of such a field ends with a person. What hands over the node never may.
"""

from __future__ import annotations

from intents.merge_keys import CONTAINER_LISTS
from remediation.admission.cel import KEY, NONE, Tree, differs_only_at, literal, member, same_but, tree_of
from remediation.admission.rules import (
    Rule,
    Variable,
    annotation_rule,
    changes,
    creates,
    label_rule,
    marked_rule,
    metadata_rule,
)
from remediation.guards.sensitive_fields import ESCALATING, LOADS_CODE, ORDINARY, PROBES
from remediation.image_ref import DEFAULT_REGISTRY
from remediation.merge_keys import POD
from remediation.model import OPERATION_ANNOTATION

RESTORE = "intentd.io/may-restore"

_NEVER = frozenset({*ESCALATING, "securityContext", "containers", "initContainers", "volumes"})
"""What no annotation opens."""

_POD_CONTEXT = frozenset(name for name in ESCALATING if name.startswith("host")) - {"hostPath"}
_MARKS = member("oldObject.metadata", "annotations")
_VARIABLES = (
    Variable("opened", f'oldObject == null ? dyn([]) : {_MARKS}[?"{RESTORE}"].orValue(dyn("")).split(",")'),
    Variable("newPod", "object.spec.template.spec"),
    Variable("oldPod", "oldObject == null ? dyn({}) : oldObject.spec.template.spec"),
)
_NEW, _OLD = "variables.newPod", "variables.oldPod"


def workload_rules() -> tuple[tuple[Variable, ...], tuple[Rule, ...]]:
    """The shared variables and the rules that use them."""
    tree = tree_of(ORDINARY["Deployment"])
    spec = tree["spec"]
    pod = spec["template"]["spec"]
    outside = _without(tree, "metadata") | {
        "metadata": {},
        "spec": _without(spec, "template") | {"template": {}},
    }
    restorable = f"({KEY} in variables.opened && !({KEY} in {literal(_NEVER)}))"
    rules = (
        Rule(
            "sensitive",
            "a field of the workload is not an ordinary one",
            changes(differs_only_at(outside, (), "object", "oldObject")),
        ),
        *metadata_rule(),
        label_rule("object.metadata", "oldObject.metadata"),
        annotation_rule(OPERATION_ANNOTATION),
        Rule("sensitive", "the pod template's metadata stays but for its labels", changes(_template())),
        label_rule(
            member("object.spec.template", "metadata"),
            member("oldObject.spec.template", "metadata"),
            "the pod's labels",
        ),
        Rule(
            "sensitive",
            "a field of the pod is not an ordinary one",
            changes(same_but(pod, _NEW, _OLD, unless=restorable)),
        ),
        Rule(
            "sensitive",
            "a field of a container is not an ordinary one, or containers came or went",
            changes(_list(pod, "containers", restorable)),
        ),
        Rule("sensitive", "a field of a volume is not an ordinary one", changes(_list(pod, "volumes"))),
        Rule("sensitive", "an image keeps its registry and its digest", changes(_images())),
        Rule("sensitive", "a probe stays", changes(_each(_probes()))),
        # Two expressions: the API server counts the cost of each, and a long list of names is dear.
        Rule("sensitive", "environment that loads code stays", changes(_each(_loading()))),
        Rule(
            "sensitive",
            "environment that expands others, is expanded into a command or comes from Secrets stays",
            changes(_each(_environment())),
        ),
        *new_pod_rules(POD),
    )
    return _VARIABLES, rules


def new_pod_rules(pod: tuple[str, ...]) -> tuple[Rule, ...]:
    """About a creation; `pod` is where the object holds a pod's spec."""
    return (
        Rule(
            "sensitive", "a new workload hands over the node", creates(harmless(".".join(("object", *pod))))
        ),
        *marked_rule(),
    )


def _without(tree: Tree, name: str) -> Tree:
    return {key: below for key, below in tree.items() if key != name}


def _template() -> str:
    new, old = "object.spec.template", "oldObject.spec.template"
    fields = same_but(("metadata", "spec"), new, old)
    inside = same_but(("labels",), member(new, "metadata"), member(old, "metadata"))
    return f"({fields} && {inside})"


def _list(pod: Tree, name: str, unless: str = "") -> str:
    body = differs_only_at(pod[name], (*POD, name), "p[0]", "p[1]", unless=unless)
    return f"[[{member(_NEW, name, '[]')}, {member(_OLD, name, '[]')}]].all(p, {body})"


def _each(condition: str) -> str:
    """The condition about `n` and `o`, for each container that was there before."""
    return f"{_NEW}.containers.all(n, {_OLD}.containers.all(o, o.name != n.name || n == o || ({condition})))"


def _images() -> str:
    kept = f'({_registry("n.image")} == {_registry("o.image")} && (!o.image.contains("@") || n.image.contains("@")))'
    plain = 'n.image.matches("^[A-Za-z0-9._:/@-]+$")'
    missing = '(!("image" in n) || !("image" in o))'
    return _each(
        f'"image" in variables.opened || (!{missing} && (n.image == o.image || ({plain} && {kept})))'
    )


def _registry(image: str) -> str:
    """As remediation/image_ref.py takes it apart: a first component with a dot or a colon, or localhost."""
    first = f'{image}.split("/")[0]'
    named = f'({image}.contains("/") && ({first}.contains(".") || {first}.contains(":") || {first} == "localhost"))'
    return f"({named} ? {first}.lowerAscii() : {literal(DEFAULT_REGISTRY)})"


def _probes() -> str:
    return f"{literal(PROBES)}.all(k, !(k in o) || k in n)"


def _loading() -> str:
    code = f"e.name.matches({literal(f'^(?:{LOADS_CODE})$')})"
    return f"{member('n', 'env', '[]')}.filter(e, {code}) == {member('o', 'env', '[]')}.filter(e, {code})"


def _environment() -> str:
    new, old = member("n", "env", "[]"), member("o", "env", "[]")
    inherited = '"secretRef" in e'
    expands = f'{new}.all(e, !{member("e", "value", chr(34) * 2)}.contains("$(") || e in {old})'
    after, before = member("n", "envFrom", "[]"), member("o", "envFrom", "[]")
    secrets = f"{after}.filter(e, {inherited}) == {before}.filter(e, {inherited})"
    kind = f'(({inherited}) ? "secret " : "map ") + {member("e", "prefix", NONE)}'
    sources = f"{after}.map(e, {kind}) == {before}.map(e, {kind})"
    # As remediation/guards/expansion.py, but for variables that reach a sensitive place through others.
    places = [
        f"{member('o', 'command', '[]')}.exists(t, t.contains(r))",
        f"{member('o', 'args', '[]')}.exists(t, t.contains(r))",
        f"{member('o', 'volumeMounts', '[]')}.exists(t, {member('t', 'subPathExpr', NONE)}.contains(r))",
        f"h.exists(t, {member('t', 'value', NONE)}.contains(r))",
    ]
    asked = f'[{literal("$(")} + e.name + ")"].exists(r, {" || ".join(places)})'
    # What few variables pass is asked before all are compared with all.
    holders = f"{old}.filter(t, t.name.matches({literal(f'^(?:{LOADS_CODE})$')}))"
    made_of = f"[{holders}].all(h, {new}.all(e, !({asked}) || e in {old}))"
    return f"{expands} && {secrets} && {sources} && {made_of}"


def harmless(pod: str) -> str:
    """What may not be created (sensitive_fields.ESCALATING), wherever it stands. `pod` is the pod's spec."""
    host = f"{literal(_POD_CONTEXT)}.all(k, {pod}[?k].orValue(dyn(false)) == false)"
    volumes = f'{member(pod, "volumes", "[]")}.all(v, !("hostPath" in v))'
    inside = (
        f'["privileged", "procMount"].all(k, {member("c", "securityContext")}[?k].orValue(dyn(false)) == false)'
        f" && {_no_host_process('c')}"
        f' && {member(member("c", "securityContext"), "capabilities")}.all(k, k == "drop")'
    )
    containers = " && ".join(
        f"{member(pod, name, '[]')}.all(c, {inside})" for name in sorted(CONTAINER_LISTS)
    )
    return f"({host} && {_no_host_process(pod)} && {volumes} && {containers})"


def _no_host_process(holder: str) -> str:
    """Windows' privileged container, of a pod or a container."""
    windows = member(member(holder, "securityContext"), "windowsOptions")
    return f'{windows}[?"hostProcess"].orValue(dyn(false)) == false'
