"""What an intent opens by mistake stays shut: sensitive fields go back to the last known good, or nowhere."""

import copy

import pytest

from remediation.guards import Surroundings
from remediation.guards.sensitive_fields import REASONS
from remediation.image_ref import parse_image
from remediation.model import Candidate, Create, NoPlan
from remediation.plan import plan_change
from tests.fakes.manifests import config_map, ref, service
from tests.remediation.guards.ground import CONTAINER, LIVE, app, context, good, intent, plan_for, verdict

ANY_SERVICE_FIELD = ["spec.type", "spec.externalIPs", "spec.externalName", "spec.selector.*"]
DIGEST = "@sha256:" + "a" * 64


def pod(**spec):
    return {"spec": {"template": {"spec": spec}}}


def opened(*paths, **bounds):
    return intent(editable=[{"path": path, **bounds} for path in paths])


SENSITIVE = {
    "privileged": (app(securityContext={"privileged": True}), "SecurityContext"),
    "added capabilities": (app(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "SecurityContext"),
    "root": (app(securityContext={"runAsUser": 0}), "SecurityContext"),
    "root for the whole pod": (pod(securityContext={"runAsUser": 0, "runAsNonRoot": False}), "SecurityContext"),
    "no seccomp profile": (app(securityContext={"seccompProfile": {"type": "Unconfined"}}), "SecurityContext"),
    "no seccomp profile for the pod": (pod(securityContext={"seccompProfile": {"type": "Unconfined"}}), "SecurityContext"),
    "no AppArmor profile": (app(securityContext={"appArmorProfile": {"type": "Unconfined"}}), "SecurityContext"),
    "no AppArmor profile, by annotation": (
        {"spec": {"template": {"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}}}}},
        "Annotation",
    ),
    "an escalation": (app(securityContext={"allowPrivilegeEscalation": True}), "SecurityContext"),
    "a whole /proc": (app(securityContext={"procMount": "Unmasked"}), "SecurityContext"),
    "host network": (pod(hostNetwork=True), "HostNamespace"),
    "host processes": (pod(hostPID=True), "HostNamespace"),
    "a host path": (pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}]), "HostPath"),
    "a host port": (app(ports=[{"containerPort": 8080, "hostPort": 80}]), "HostPort"),
    "another service account": (pod(serviceAccountName="admin"), "ServiceAccount"),
    "a mounted token": (pod(automountServiceAccountToken=True), "ServiceAccount"),
    "a projected token": (pod(volumes=[{"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}]), "ServiceAccount"),
    "another command": (app(command=["sh"]), "Command"),
    "other arguments": (app(args=["--other"]), "Command"),
    "no arguments": (app(args=None), "Command"),
    "a hook": (app(lifecycle={"postStart": {"exec": {"command": ["sh"]}}}), "Command"),
    "a probe that runs a program": (app(livenessProbe={"exec": {"command": ["sh"]}}), "Command"),
    "a secret in a variable": (
        app(env=[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]),
        "Secret",
    ),
    "another key of the secret": (
        app(env=[{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"key": "root"}}}]),
        "Secret",
    ),
    "a whole secret more": (app(envFrom=[{"secretRef": {"name": "root"}}]), "Secret"),
    "a mounted secret": (pod(volumes=[{"name": "s", "secret": {"secretName": "db"}}]), "Secret"),
    "a pull secret": (pod(imagePullSecrets=[{"name": "root"}]), "Secret"),
    "another mount": (app(volumeMounts=[{"mountPath": "/etc/app", "name": "secrets"}]), "Mount"),
    "a toleration": (pod(tolerations=[{"operator": "Exists"}]), "Placement"),
    "a node": (pod(nodeName="control-plane"), "Placement"),
    "a priority": (pod(priorityClassName="system-node-critical"), "Placement"),
    "a host alias": (pod(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["db"]}]), "Traffic"),
    "a DNS server": (pod(dnsConfig={"nameservers": ["1.2.3.4"]}), "Traffic"),
    "an annotation": ({"metadata": {"annotations": {"sidecar.istio.io/inject": "false"}}}, "Annotation"),
    "an annotation on the pods": (
        {"spec": {"template": {"metadata": {"annotations": {"vault.hashicorp.com/agent-inject": "true"}}}}},
        "Annotation",
    ),
    "a controller's label": ({"metadata": {"labels": {"argocd.argoproj.io/instance": "x"}}}, "Ownership"),
    "another restart policy": (pod(restartPolicy="Never"), "Unlisted"),
    "a field of a future Kubernetes": (app(superPowers=True), "Unlisted"),
    "a probe removed": (app(readinessProbe=None), "ProbeRemoved"),
    "a probe's port removed": (app(readinessProbe={"httpGet": {"port": None}}), "ProbeRemoved"),
    "a probe of another host": (app(readinessProbe={"httpGet": {"host": "1.2.3.4"}}), "Unlisted"),
    "another registry": (app(image="evil.example/shop/web:1.4"), "Registry"),
    "another registry by port": (app(image="localhost:5000/shop/web:1.4"), "Registry"),
    "another repository": (app(image="evil/web:1.4"), "Repository"),
    "an image that is none": (app(image="SHOP/web:1.4"), "ImageUnreadable"),
    "a look-alike image": (app(image="sh\u043ep/web:1.4"), "ImageUnreadable"),
    "a preloaded library": (app(env=[{"name": "LD_PRELOAD", "value": "/tmp/x.so"}]), "LoadsCode"),
    "a proxy": (app(env=[{"name": "HTTPS_PROXY", "value": "http://1.2.3.4"}]), "LoadsCode"),
    "other interpreter options": (app(env=[{"name": "NODE_OPTIONS", "value": "--require x"}]), "LoadsCode"),
    "a secret copied into a variable": (app(env=[{"name": "MODE", "value": "$(DB_PASSWORD)"}]), "Expansion"),
}  # fmt: skip


@pytest.mark.parametrize("what", SENSITIVE)
def test_a_sensitive_change_is_refused_though_everything_is_open(what):
    manifest, reason = SENSITIVE[what]
    found = verdict("sensitive", context(manifest, last_known_good=good(image="shop/web:1.4")))
    assert (found.allowed, found.reason) == (False, reason)


RESTORED = {
    "arguments": {"args": ["--listen"]},
    "no arguments": {"args": None},
    "a command": {"command": ["/bin/app"]},
    "a security context": {"securityContext": {"privileged": True}},
    "a registry": {"image": "registry.example/shop/web:1.4"},
    "a digest's tag": {"image": "shop/web:1.4"},
    "no probe": {"readinessProbe": None},
    "another user": {"securityContext": {"runAsUser": 0}},
    "a seccomp profile": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    "an AppArmor profile": {"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}},
}


@pytest.mark.parametrize("what", RESTORED)
def test_it_may_go_back_to_exactly_the_last_known_good(what):
    known = good(**RESTORED[what])
    found = verdict("sensitive", context(app(**RESTORED[what]), last_known_good=known))
    assert found.allowed, found
    nearly = copy.deepcopy(known)
    fields = nearly["spec"]["template"]["spec"]["containers"][0]
    fields |= {
        "args": ["--lis"],
        "command": ["/bin/ap"],
        "image": "other/web:2",
        "readinessProbe": {"periodSeconds": 1},
    }
    fields["securityContext"] = {"privileged": "true"}
    if what != "a digest's tag":
        assert not verdict("sensitive", context(app(**RESTORED[what]), last_known_good=nearly)).allowed


def with_pod(**spec):
    live = copy.deepcopy(LIVE)
    live["spec"]["template"]["spec"] |= spec
    return live


def test_a_token_that_a_pod_did_not_mount_is_not_mounted():
    live = with_pod(automountServiceAccountToken=False)
    for manifest in (pod(automountServiceAccountToken=True), pod(automountServiceAccountToken=None)):
        found = verdict("sensitive", context(manifest, live=live))
        assert (found.allowed, found.reason) == (False, "ServiceAccount")
        assert verdict("sensitive", context(manifest, live=live, last_known_good=LIVE)).allowed is (
            manifest["spec"]["template"]["spec"]["automountServiceAccountToken"] is None
        )


@pytest.mark.parametrize("kind", ["ephemeralContainers", "initContainers"])
def test_a_container_beside_the_application_is_never_touched_nor_added(kind):
    live = with_pod(**{kind: [{"name": "debug", "image": "shop/web:1.5"}]})
    changed = pod(**{kind: [{"name": "debug", "image": "shop/web:1.4"}]})
    opens = opened(f"spec.template.spec.{kind}[*].image", pattern=".*")
    found = verdict("sensitive", context(changed, live=live, intent=opens))
    assert (found.allowed, found.reason) == (False, "InitContainer")
    added = plan_change(Candidate("c", "t", ref(LIVE), "", changed), LIVE)
    assert isinstance(added, NoPlan) or not verdict("sensitive", context(plan=added, intent=opens)).allowed


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_no_probe_is_removed_whole_or_in_part(probe):
    live = copy.deepcopy(LIVE)
    check = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}
    live["spec"]["template"]["spec"]["containers"][0][probe] = check
    for manifest in (
        app(**{probe: None}),
        app(**{probe: {"httpGet": None}}),
        app(**{probe: {"periodSeconds": None}}),
    ):
        found = verdict("sensitive", context(manifest, live=live, intent=intent()))
        assert (found.allowed, found.reason) == (False, "ProbeRemoved")


@pytest.mark.parametrize("after", ["shop/web:1.4", "shop/web", "shop/web:1.5"])
def test_a_digest_is_traded_for_a_tag_only_where_the_tag_was_last_known_good(after):
    live = copy.deepcopy(LIVE)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = f"shop/web:1.5{DIGEST}"
    found = verdict("sensitive", context(app(image=after), live=live))
    assert (found.allowed, found.reason) == (False, "DigestDropped")
    assert verdict(
        "sensitive", context(app(image=after), live=live, last_known_good=good(image=after))
    ).allowed
    other = f"shop/web@sha256:{'b' * 64}"
    assert verdict("sensitive", context(app(image=other), live=live)).allowed


def test_a_last_known_good_without_the_container_proves_no_absence():
    known = good()
    known["spec"]["template"]["spec"]["containers"] = []
    assert not verdict("sensitive", context(app(args=None), last_known_good=known)).allowed


def test_a_digest_is_not_traded_for_a_tag():
    live = copy.deepcopy(LIVE)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = f"shop/web{DIGEST}"
    found = verdict("sensitive", context(app(image="shop/web:1.4"), live=live))
    assert (found.allowed, found.reason) == (False, "DigestDropped")


def test_another_repository_passes_where_the_intent_names_it():
    plan = app(image="shop/api:1.4")
    assert verdict("sensitive", context(plan)).allowed  # the pattern shop/[a-z]+ admits it
    for bounds in ({}, {"pattern": "shop/web:.*"}):
        found = verdict("sensitive", context(plan, intent=opened(f"{CONTAINER}.image", **bounds)))
        assert found.reason == "Repository"


@pytest.mark.parametrize(
    "change",
    [
        app(image="shop/web:1.4"),
        app(resources={"limits": {"memory": "96Mi"}}),
        app(env=[{"name": "MODE", "value": "slow"}]),
        app(env=[{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"key": "color"}}}]),
        app(envFrom=[{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web-2"}}]),
        app(readinessProbe={"httpGet": {"path": "/healthz", "port": 8081}}),
        pod(nodeSelector={"disk": "hdd"}),
        pod(volumes=[{"name": "config", "configMap": {"name": "web-2"}}]),
        {"spec": {"replicas": 3}},
        {"spec": {"template": {"metadata": {"labels": {"secret": "no", "command": "neither"}}}}},
    ],
)
def test_an_ordinary_field_is_not_sensitive(change):
    found = verdict("sensitive", context(change))
    assert found.allowed, found


def test_a_service_may_select_and_target_but_not_expose():
    live = service()
    port = live["spec"]["ports"][0]["port"]
    fine = {"spec": {"selector": {"app": "other"}, "ports": [{"port": port, "targetPort": 9999}]}}
    assert verdict("sensitive", context(fine, live=live)).allowed
    for exposed in ({"type": "LoadBalancer"}, {"externalIPs": ["1.2.3.4"]}, {"externalName": "evil.example"}):
        found = verdict("sensitive", context({"spec": exposed}, live=live))
        assert not found.allowed
        assert found.reason in {"Unlisted", "Traffic"}


def test_a_config_maps_keys_are_names_of_nothing():
    live = config_map()
    change = {"data": {"args": "a", "command": "b"}}
    unused = Surroundings(users=())
    assert verdict("sensitive", context(change, live=live, surroundings=unused)).allowed
    assert verdict("sensitive", context(change, live=live)).reason == "UsersUnknown"


def test_a_secret_variable_made_plain_is_not_even_planned():
    change = app(env=[{"name": "DB_PASSWORD", "value": "fast", "valueFrom": None}])
    plan = plan_change(Candidate("c1", "test", ref(LIVE), "", change), copy.deepcopy(LIVE))
    assert isinstance(plan, NoPlan)
    assert plan.reason == "HoldsSecret"


def test_an_intents_own_manifest_may_say_what_it_likes_but_not_hand_over_the_node():
    def creation(**fields):
        manifest = copy.deepcopy(LIVE) | {"metadata": {"name": "web", "namespace": "shop"}}
        manifest.pop("status")
        manifest["spec"]["template"]["metadata"].pop("creationTimestamp", None)
        manifest["spec"]["template"]["spec"]["containers"][0] |= fields
        plan = plan_change(Candidate("c", "t", ref(LIVE), "", manifest), None, manifest)
        assert isinstance(plan, Create), plan
        return verdict("sensitive", context(plan=plan, live=None))

    assert creation(args=["--x"]).allowed
    assert creation(securityContext={"privileged": False, "capabilities": {"drop": ["ALL"]}}).allowed
    assert not creation(securityContext={"privileged": True}).allowed
    assert not creation(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}).allowed


def test_every_reason_has_a_name_that_reads_as_one():
    assert all(reason.isalpha() and reason[0].isupper() for reason in REASONS.values())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("docker.io", "nginx", "", "")),
        ("shop/web:1.4", ("docker.io", "shop/web", "1.4", "")),
        ("localhost/web:1", ("localhost", "web", "1", "")),
        ("r.example:5000/a/b/c:v1" + DIGEST, ("r.example:5000", "a/b/c", "v1", DIGEST[1:])),
        ("R.Example/web", ("r.example", "web", "", "")),
        ("registry:5000/web", ("registry:5000", "web", "", "")),
    ],
)
def test_an_image_is_taken_apart(text, parts):
    assert parse_image(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "UPPER/web", "a//b", "web:", "web@sha256:12", "a b", "web:1 2", "-a", None, 3, "a" * 2000, "web\n"],
)
def test_what_is_no_image_is_none(text):
    assert parse_image(text) is None


def test_the_fields_of_the_test_are_all_planned_from_one_live_object():
    assert all(plan_for(manifest).touched for manifest, _ in SENSITIVE.values())
