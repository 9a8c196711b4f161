"""Structure, spelling, size and place: what is hostile by its form rather than by the field that it names."""

from tests.attack.hostile.ground import REGISTRY
from tests.attack.hostile.row import Hostile, app, as_json, as_yaml, env, meta, pod, template_meta, volume

H = Hostile
SPEC = '{"spec":{"template":{"spec":%s}}}'
APP = SPEC % '{"containers":[{"name":"app",%s}]}'
PRIVILEGED = {"securityContext": {"privileged": True}}


def nested(depth):
    tree = {}
    for _ in range(depth):
        tree = {"a": tree}
    return tree


STRUCTURE = [
    H("a container more", pod(containers=[{"name": "miner", "image": "x"}]), "NoPlan:UnknownElement"),
    H(
        "a container more beside the right one",
        pod(containers=[{"name": "app", "image": f"{REGISTRY}/web:1.4"}, {"name": "miner", "image": "x"}]),
        "NoPlan:UnknownElement",
    ),
    H(
        "the container's name in capitals",
        pod(containers=[{"name": "APP", **PRIVILEGED}]),
        "NoPlan:UnknownElement",
    ),
    H(
        "the container's name with a blank",
        pod(containers=[{"name": "app ", **PRIVILEGED}]),
        "NoPlan:UnknownElement",
    ),
    H(
        "the container's name in Cyrillic",
        pod(containers=[{"name": "\u0430pp", **PRIVILEGED}]),
        "NoPlan:UnknownElement",
    ),
    H("a container without a name", pod(containers=[PRIVILEGED]), "NoPlan:NoMergeKey"),
    H("a container named by a number", pod(containers=[{"name": 0, **PRIVILEGED}]), "NoPlan:NoMergeKey"),
    H(
        "a container twice",
        pod(containers=[{"name": "app"}, {"name": "app", **PRIVILEGED}]),
        "NoPlan:Duplicate",
    ),
    H("all containers removed", pod(containers=None), "sensitive:Command"),
    H("containers as a map", pod(containers={"app": PRIVILEGED}), "NoPlan:WrongType"),
    H("no container", pod(containers=[]), "NoPlan:NothingToChange"),
    H("another init container", pod(initContainers=[{"name": "x", "image": "x"}]), "NoPlan:UnknownElement"),
    H(
        "an ephemeral container",
        pod(ephemeralContainers=[{"name": "sh", "image": "x"}]),
        "NoPlan:UnknownElement",
    ),
    H("an empty list of ephemeral containers", pod(ephemeralContainers=[]), "NoPlan:UnknownElement"),
    H(
        "$patch: replace for the pod",
        pod(**{"$patch": "replace", "containers": [{"name": "app", "image": "x"}]}),
        "NoPlan:PatchDirective",
    ),
    H(
        "$patch: replace for a container list",
        pod(containers=[{"$patch": "replace"}, {"name": "x", "image": "x"}]),
        "NoPlan:PatchDirective",
    ),
    H(
        "$patch: delete of a container",
        pod(containers=[{"name": "proxy", "$patch": "delete"}]),
        "NoPlan:PatchDirective",
    ),
    H(
        "$patch: delete of a variable",
        app(env=[{"name": "DB_PASSWORD", "$patch": "delete"}]),
        "NoPlan:PatchDirective",
    ),
    H("$patch: merge", app(**{"$patch": "merge", **PRIVILEGED}), "NoPlan:PatchDirective"),
    H(
        "$retainKeys",
        volume(name="config", **{"$retainKeys": ["name", "hostPath"]}, hostPath={"path": "/"}),
        "NoPlan:PatchDirective",
    ),
    H(
        "$setElementOrder",
        pod(**{"$setElementOrder/containers": [{"name": "proxy"}, {"name": "app"}]}),
        "NoPlan:PatchDirective",
    ),
    H(
        "$setElementOrder that drops a variable",
        app(**{"$setElementOrder/env": [{"name": "MODE"}]}),
        "NoPlan:PatchDirective",
    ),
    H(
        "$deleteFromPrimitiveList",
        meta(**{"$deleteFromPrimitiveList/finalizers": ["x"]}),
        "NoPlan:PatchDirective",
    ),
    H("another selector", {"spec": {"selector": {"matchLabels": {"app": "db"}}}}, "NoPlan:Immutable"),
    H(
        "labels of the pod that leave the Service",
        template_meta(labels={"app": "db"}),
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="the server refuses it here, where the selector has the label; elsewhere bounds are the intent's",
    ),
    H(
        "a template annotation",
        template_meta(annotations={"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}),
        "sensitive:Annotation",
    ),
    H("a name for the pods", template_meta(name="db"), "NoPlan:NotContent"),
]

NULLS = [
    H("the spec removed", {"spec": None}, "NoPlan:WrongType"),
    H("the template removed", {"spec": {"template": None}}, "sensitive:Annotation"),
    H("the pod removed", {"spec": {"template": {"spec": None}}}, "sensitive:ServiceAccount"),
    H("the metadata removed", {"metadata": None}, "NoPlan:WrongType"),
    H(
        "the labels removed",
        meta(labels=None),
        "NoPlan:WrongType",
        guards_alone="labels are ordinary; which ones are open is the intent's",
    ),
    H("the annotations removed", meta(annotations=None), "NoPlan:WrongType"),
    H("the name removed", meta(name=None), "NoPlan:OtherObject"),
    H(
        "the resources removed",
        app(resources=None),
        "editable:Removal",
        guards_alone="a limit's bounds are the intent's",
    ),
    H(
        "a limit removed",
        app(resources={"limits": {"memory": None}}),
        "editable:Removal",
        guards_alone="a limit's bounds are the intent's",
    ),
    H("a volume's source removed", volume(name="keys", secret=None), "sensitive:Secret"),
    H("null inside a list", app(args=[None]), "NoPlan:WrongType"),
    H("the environment removed", app(env=None), "sensitive:LoadsCode"),
]

PLACES = [
    H("another kind", {"kind": "DaemonSet", **pod(hostNetwork=True)}, "NoPlan:OtherObject"),
    H(
        "a ClusterRoleBinding",
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"},
        "NoPlan:OtherObject",
    ),
    H("a Secret", {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}}, "NoPlan:OtherObject"),
    H("an older API", {"apiVersion": "apps/v1beta1", **app(**PRIVILEGED)}, "NoPlan:OtherObject"),
    H("another name", {**meta(name="payments"), **app(**PRIVILEGED)}, "NoPlan:OtherObject"),
    H("a path in the name", meta(name="web/status"), "NoPlan:OtherObject"),
    H("another namespace", meta(namespace="kube-system"), "NoPlan:OtherObject"),
    H("intentd's own namespace", meta(namespace="intentd"), "NoPlan:OtherObject"),
    H("another uid", meta(uid="7"), "NoPlan:NotContent"),
    H("another resourceVersion", meta(resourceVersion="1"), "NoPlan:NotContent"),
    H("a generated name", meta(generateName="x-"), "NoPlan:NotContent"),
    H("a finalizer", meta(finalizers=["evil.example/stay"]), "NoPlan:NotContent"),
    H(
        "an owner",
        meta(ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "web", "uid": "1"}]),
        "NoPlan:NotContent",
    ),
    H(
        "managed fields emptied",
        meta(managedFields=[{}]),
        "NoPlan:NotContent",
        guards_alone="the server keeps managedFields itself; they are no content",
    ),
    H("a deletion in progress", meta(deletionTimestamp="2026-01-01T00:00:00Z"), "NoPlan:NotContent"),
    H(
        "our own mark",
        meta(annotations={"intentd.io/operation": "forged"}),
        "NoPlan:OurAnnotation",
        guards_alone="every write of intentd carries its mark: the value cannot be told",
    ),
    H("our own permission", meta(annotations={"intentd.io/may-restore": "command"}), "NoPlan:OurAnnotation"),
    H("our own label", meta(labels={"intentd.io/managed": "true"}), "NoPlan:OurAnnotation"),
    H(
        "our mark on the pods",
        template_meta(annotations={"intentd.io/operation": "x"}),
        "NoPlan:OurAnnotation",
    ),
    H(
        "a foreign annotation",
        meta(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
        "sensitive:Annotation",
    ),
    H("Argo CD's label", meta(labels={"argocd.argoproj.io/instance": "x"}), "sensitive:Ownership"),
    H("Helm's label", meta(labels={"app.kubernetes.io/managed-by": "Helm"}), "sensitive:Ownership"),
    H(
        "a label of the node's",
        template_meta(labels={"node-role.kubernetes.io/control-plane": ""}),
        "sensitive:Ownership",
    ),
    H("a status", {"status": {"availableReplicas": 3}}, "NoPlan:NotContent"),
    H(
        "a whole status beside a change",
        {"status": {"readyReplicas": 3}, **app(image=f"{REGISTRY}/web:1.4")},
        "NoPlan:NotContent",
        guards_alone="the server drops the status of such a write; what is left is an ordinary change",
    ),
    H("data of a ConfigMap", {"data": {"a": "b"}}, "NoPlan:NotContent"),
    H("a List of objects", {"items": [app(**PRIVILEGED)]}, "NoPlan:NotContent"),
]

DROPPED = [
    H("a misspelt container field", app(securityContex={"privileged": True}), "sensitive:Privileged"),
    H("a field of the future", pod(hostEverything=True), "sensitive:Unlisted"),
    H("a capital letter", pod(HostNetwork=True), "sensitive:Unlisted"),
    H("a field of the spec that is none", {"spec": {"privileged": True}}, "sensitive:Privileged"),
    H("a field of a probe that is none", app(readinessProbe={"command": ["sh"]}), "sensitive:Command"),
    H("a field of a variable that is none", env(name="MODE", secret="db"), "sensitive:Secret"),
    H(
        "a field inside limits that is none",
        app(resources={"limit": {"memory": "1Gi"}}),
        "sensitive:Unlisted",
    ),
]

SIZES = [
    H(
        "a limit beyond the bounds",
        app(resources={"limits": {"memory": "10Ti"}}),
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
    H(
        "a limit of zero",
        app(resources={"limits": {"memory": "0"}}),
        "editable:Unlimited",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
    H("a negative limit", app(resources={"limits": {"memory": "-1"}}), "editable:NotAQuantity", bounded=True),
    H(
        "a limit in exponents",
        app(resources={"limits": {"memory": "1e18"}}),
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
    H(
        "a limit of thousands of digits",
        app(resources={"limits": {"memory": "9" * 4000}}),
        "NoPlan:NotAQuantity",
        guards_alone="bounds are the intent's",
    ),
    H("a limit that is a list", app(resources={"limits": {"memory": ["1Gi"]}}), "NoPlan:WrongType"),
    H(
        "too many replicas",
        {"spec": {"replicas": 100000}},
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
    H("a negative number of replicas", {"spec": {"replicas": -1}}, "editable:OutOfBounds", bounded=True),
    H("a fraction of a replica", {"spec": {"replicas": 1.5}}, "NoPlan:WrongType"),
    H("infinitely many replicas", {"spec": {"replicas": float("inf")}}, "NoPlan:NotFinite"),
    H("replicas that are no number", {"spec": {"replicas": float("nan")}}, "NoPlan:NotFinite"),
    H("replicas beyond 64 bits", {"spec": {"replicas": 2**70}}, "NoPlan:NotFinite"),
    H("a depth of thousands", nested(5000), "NoPlan:TooDeep"),
    H(
        "a hundred thousand variables",
        app(env=[{"name": f"V{n}", "value": "x"} for n in range(100_000)]),
        "NoPlan:TooLarge",
    ),
    H("a value of two megabytes", env(name="MODE", value="x" * 2_000_000), "NoPlan:TooLarge"),
    H("a key of a thousand characters", meta(labels={"k" * 1000: "x"}), "NoPlan:StrangeKey"),
    H(
        "a value that the intent does not list",
        env(name="MODE", value="debug"),
        "editable:OutOfBounds",
        bounded=True,
        guards_alone="bounds are the intent's",
    ),
    H(
        "a field that nobody opened",
        app(imagePullPolicy="Never"),
        "editable:NotOpened",
        bounded=True,
        guards_alone="what an intent opens is the intent's",
    ),
]

SPELLING = [
    as_json(
        "a key in unicode escapes",
        APP % r'"\u0073ecurityContext":{"privileg\u0065d":true}',
        "sensitive:SecurityContext",
    ),
    as_json(
        "two equal keys, the second hostile",
        APP % '"securityContext":{},"securityContext":{"privileged":true}',
        "sensitive:SecurityContext",
    ),
    as_json(
        "two specs, the second hostile",
        '{"spec":{"replicas":0},"spec":{"template":{"spec":{"hostPID":true}}}}',
        "sensitive:HostNamespace",
    ),
    as_json("truth as text", APP % '"securityContext":{"privileged":"true"}', "sensitive:SecurityContext"),
    as_json("truth as a number", APP % '"securityContext":{"privileged":1}', "sensitive:SecurityContext"),
    as_json("user 0 as text", APP % '"securityContext":{"runAsUser":"0"}', "NoPlan:WrongType"),
    as_json("user 0 as a fraction", APP % '"securityContext":{"runAsUser":0.0}', "NoPlan:WrongType"),
    as_json("replicas as text", '{"spec":{"replicas":"3"}}', "NoPlan:WrongType"),
    as_json(
        "a key with a zero-width space",
        APP % r'"security\u200bContext":{"privileged":true}',
        "NoPlan:StrangeKey",
    ),
    as_json("a key in full-width letters", SPEC % r'{"\uff48ostNetwork":true}', "NoPlan:StrangeKey"),
    as_json("a key in Cyrillic", SPEC % r'{"h\u043estNetwork":true}', "NoPlan:StrangeKey"),
    as_json("a key with a null byte", SPEC % r'{"hostNetwork\u0000":true}', "NoPlan:StrangeKey"),
    as_json("an empty key", SPEC % '{"":true}', "NoPlan:StrangeKey"),
    as_json("a key with a path in it", '{"spec.template.spec.hostNetwork":true}', "NoPlan:NotContent"),
    as_json("a key as a JSON pointer", '{"spec/template/spec/hostNetwork":true}', "NoPlan:NotContent"),
    as_json(
        "a value that reads backwards",
        APP % r'"env":[{"name":"MODE","value":"\u202etsaf"}]',
        "NoPlan:HiddenCharacter",
        guards_alone="what a value may be is the intent's",
    ),
    as_json(
        "a value with a zero-width space",
        APP % r'"env":[{"name":"MODE","value":"fa\u200bst"}]',
        "NoPlan:HiddenCharacter",
        guards_alone="what a value may be is the intent's",
    ),
    as_json(
        "half a surrogate",
        APP % r'"env":[{"name":"MODE","value":"\ud800"}]',
        "NoPlan:HiddenCharacter",
        guards_alone="what a value may be is the intent's",
    ),
    as_json("a list around the manifest", '[{"spec":{"replicas":3}}]', "NoPlan:NotAnObject"),
    as_json("the manifest as text", '"{\\"spec\\":{}}"', "NoPlan:NotAnObject"),
    as_json(
        "a redacted value written back",
        APP % '"env":[{"name":"MODE","value":"[redacted:value]"}]',
        "NoPlan:Redacted",
        guards_alone="what a value may be is the intent's",
    ),
    as_yaml("YAML's yes", "spec: {template: {spec: {hostNetwork: yes}}}", "sensitive:HostNamespace"),
    as_yaml("YAML's on", "spec: {template: {spec: {hostPID: on}}}", "sensitive:HostNamespace"),
    as_yaml(
        "YAML's octal",
        "spec: {template: {spec: {securityContext: {runAsUser: 0o0}}}}",
        "sensitive:SecurityContext",
    ),
    as_yaml(
        "YAML's hexadecimal",
        "spec: {template: {spec: {securityContext: {fsGroup: 0x0}}}}",
        "sensitive:SecurityContext",
    ),
    as_yaml(
        "a YAML alias",
        "spec: {template: {spec: {securityContext: &a {runAsUser: 0}, containers: [{name: app, securityContext: *a}]}}}",
        "sensitive:SecurityContext",
    ),
    as_yaml(
        "a YAML merge key",
        "x: &a {privileged: true}\nspec: {template: {spec: {containers: [{name: app, securityContext: {<<: *a}}]}}}",
        "NoPlan:NotContent",
    ),
    as_yaml("a YAML date", "spec: {template: {metadata: {creationTimestamp: 2026-01-01}}}", "NoPlan:NotJson"),
    as_yaml("a YAML number as a key", "spec: {template: {spec: {1: x}}}", "NoPlan:StrangeKey"),
    as_yaml("a YAML boolean as a key", "spec: {template: {spec: {on: x}}}", "NoPlan:StrangeKey"),
    as_yaml("YAML's binary", "spec: {template: {spec: {hostname: !!binary ZXZpbA==}}}", "NoPlan:NotJson"),
]

SERVICES = [
    H(
        "traffic sent elsewhere",
        {"spec": {"type": "ExternalName", "externalName": "evil.example"}},
        "sensitive:Traffic",
        kind="Service",
    ),
    H(
        "a Service opened to the world",
        {"spec": {"type": "LoadBalancer"}},
        "sensitive:Unlisted",
        kind="Service",
    ),
    H(
        "a node port",
        {"spec": {"ports": [{"port": 80, "nodePort": 30080}]}},
        "sensitive:Unlisted",
        kind="Service",
    ),
    H("an external address", {"spec": {"externalIPs": ["10.0.0.66"]}}, "sensitive:Traffic", kind="Service"),
    H(
        "a load balancer's address",
        {"spec": {"loadBalancerIP": "10.0.0.66"}},
        "sensitive:Traffic",
        kind="Service",
    ),
    H(
        "endpoints that are not ready",
        {"spec": {"publishNotReadyAddresses": True}},
        "sensitive:Unlisted",
        kind="Service",
    ),
    H("another cluster address", {"spec": {"clusterIP": "None"}}, "NoPlan:Immutable", kind="Service"),
    H(
        "no selector",
        {"spec": {"selector": None}},
        "editable:Removal",
        kind="Service",
        guards_alone="a selector is an ordinary field; what it may be is the intent's",
    ),
    H(
        "a Service's annotation",
        meta(annotations={"service.beta.kubernetes.io/aws-load-balancer-internal": "false"}),
        "sensitive:Annotation",
        kind="Service",
    ),
    H(
        "a ConfigMap's key that nobody opened",
        {"data": {"admin": "true"}},
        "editable:NotOpened",
        kind="ConfigMap",
        bounded=True,
        guards_alone="which keys are open is the intent's",
    ),
    H("binary data", {"binaryData": {"x": "AAAA"}}, "NoPlan:NotContent", kind="ConfigMap"),
    H("a ConfigMap frozen", {"immutable": True}, "NoPlan:NotContent", kind="ConfigMap"),
    H(
        "a ConfigMap's finalizer",
        meta(finalizers=["evil.example/stay"]),
        "NoPlan:NotContent",
        kind="ConfigMap",
    ),
]

ROWS = [*STRUCTURE, *NULLS, *PLACES, *DROPPED, *SIZES, *SPELLING, *SERVICES]
