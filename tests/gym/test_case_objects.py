"""Assertions about objects and what stands beside them: each one both ways."""

from __future__ import annotations

from copy import deepcopy

import pytest

from gym.cases.assertions.registry import judge, read
from gym.cases.context import ClusterContext, Existing, Node, Taint
from gym.cases.state import State

NODES = (
    Node(name="n1", labels={"disk": "ssd"}, allocatable={"cpu": "2", "memory": "4Gi"}),
    Node(name="n2", labels={"disk": "hdd"}, allocatable={"cpu": "4", "memory": "8Gi"}),
)


def obj(kind, name, namespace="shop", **fields):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}


def workload(kind="Deployment", name="web", *, labels=None, containers=None, spec=None, **above):
    labels = {"app": name} if labels is None else labels
    pod = {"containers": [{"name": "app"}] if containers is None else containers, **(spec or {})}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return obj(kind, name, spec={"selector": {"matchLabels": {"app": name}}, "template": template, **above})


def resources(**by_side):
    return {"name": "app", "resources": by_side}


def held(assertion, *objects, nodes=NODES, existing=None):
    return judge(read(assertion), State.of(objects), ClusterContext(nodes, existing or {})).held


def target(kind, name):
    return {"kind": kind, "name": name}


WEB = target("Deployment", "web")

# ---------------------------------------------------------------- presence


def test_an_object_exists_or_is_absent():
    web = workload()
    assert held({"op": "object_exists", "target": WEB}, web)
    assert not held({"op": "object_exists", "target": WEB})
    assert held({"op": "object_absent", "target": WEB})
    assert not held({"op": "object_absent", "target": WEB}, web)


def test_a_value_is_unique_among_its_kind_and_namespace():
    assertion = {"op": "unique_in_kind", "target": target("Service", "a"), "path": "spec.selector"}
    mine = obj("Service", "a", spec={"selector": {"app": "web"}})
    twin = obj("Service", "b", spec={"selector": {"app": "web"}})
    assert not held(assertion, mine, twin)
    assert held(assertion, mine, obj("Service", "b", spec={"selector": {"app": "web", "tier": "x"}}))
    assert held(assertion, mine, obj("Service", "b", namespace="test", spec={"selector": {"app": "web"}}))
    assert held(assertion, mine, obj("Endpoints", "b", spec={"selector": {"app": "web"}}))
    bare = obj("Service", "a", spec={})
    assert not held(assertion, bare)
    assert held({**assertion, "vacuous_ok": True}, bare)


# ---------------------------------------------------------------- selection


@pytest.mark.parametrize("named", [WEB, "Deployment/web", "web"])
def test_a_service_selects_the_pods_of_a_workload(named):
    assertion = {"op": "service_selects_pods", "target": target("Service", "web"), "workload": named}
    web = workload(labels={"app": "web", "tier": "front"})
    assert held(assertion, web, obj("Service", "web", spec={"selector": {"app": "web"}}))
    assert not held(assertion, web, obj("Service", "web", spec={"selector": {"app": "wbe"}}))
    assert not held(assertion, web, obj("Service", "web", spec={"selector": {}}))
    assert not held(assertion, web, obj("Service", "web", spec={}))
    assert not held(
        assertion, web, obj("Service", "web", namespace="test", spec={"selector": {"app": "web"}})
    )
    assert not held(assertion, obj("Service", "web", spec={"selector": {"app": "web"}}))


def test_a_workload_selects_its_own_template():
    assertion = {"op": "workload_selector_matches_template", "target": WEB}
    assert held(assertion, workload())
    assert not held(assertion, workload(labels={"app": "other"}))
    assert not held(assertion, workload(selector={}))
    rule = {"key": "app", "operator": "In", "values": ["web"]}
    assert held(assertion, workload(selector={"matchExpressions": [rule]}))
    assert not held(assertion, workload(selector={"matchExpressions": [{**rule, "operator": "NotIn"}]}))
    assert not held(assertion, workload(selector={"matchExpressions": [{**rule, "operator": "Like"}]}))


# ---------------------------------------------------------------- references


def test_every_name_at_a_path_exists_in_the_state_or_in_the_context():
    path = "spec.template.spec.volumes[*].configMap.name"
    assertion = {"op": "ref_exists", "target": WEB, "path": path, "kind": "ConfigMap"}
    web = workload(spec={"volumes": [{"configMap": {"name": "a"}}, {"configMap": {"name": "b"}}]})
    a, b = obj("ConfigMap", "a"), obj("ConfigMap", "b")
    assert held(assertion, web, a, b)
    assert not held(assertion, web, a)
    assert not held(assertion, web, a, obj("ConfigMap", "b", namespace="test"))
    assert held(assertion, web, a, existing={"ConfigMap": (Existing(name="b"),)})
    assert not held(assertion, web, a, existing={"ConfigMap": (Existing(name="b", namespace="test"),)})
    assert not held(assertion, workload())
    assert held({**assertion, "vacuous_ok": True}, workload())


def test_a_cluster_scoped_name_is_found_from_any_namespace():
    claim = obj("PersistentVolumeClaim", "data", spec={"storageClassName": "fast"})
    assertion = {
        "op": "ref_exists",
        "target": target("PersistentVolumeClaim", "data"),
        "path": "spec.storageClassName",
        "kind": "StorageClass",
    }
    assert held(assertion, claim, {"kind": "StorageClass", "metadata": {"name": "fast"}})
    assert not held(assertion, claim, {"kind": "StorageClass", "metadata": {"name": "slow"}})


def test_every_secret_key_that_is_referred_to_exists():
    assertion = {"op": "secret_keys_exist", "target": WEB}

    def web(**ref):
        source = {"valueFrom": {"secretKeyRef": {"name": "db", "key": "password", **ref}}}
        return workload(containers=[{"name": "app", "env": [{"name": "P", **source}]}])

    assert held(assertion, web(), obj("Secret", "db", data={"password": "eA=="}))
    assert held(assertion, web(), obj("Secret", "db", stringData={"password": "x"}))
    assert not held(assertion, web(), obj("Secret", "db", data={"pass": "eA=="}))
    assert not held(assertion, web())
    assert held(assertion, web(optional=True))
    assert held(assertion, web(), existing={"Secret": (Existing(name="db", keys=("password",)),)})
    assert not held(assertion, web(), existing={"Secret": (Existing(name="db", keys=("user",)),)})
    assert not held(assertion, web(), existing={"Secret": (Existing(name="db"),)})  # nobody told its keys


# ---------------------------------------------------------------- capacity


@pytest.mark.parametrize(
    ("spec", "requests", "right"),
    [
        ({}, {}, True),
        ({}, {"cpu": "4"}, True),
        ({}, {"cpu": "4001m"}, False),
        ({"nodeSelector": {"disk": "ssd"}}, {"cpu": "2"}, True),
        ({"nodeSelector": {"disk": "ssd"}}, {"cpu": "3"}, False),
        ({"nodeSelector": {"disk": "tape"}}, {}, False),
        ({}, {"nvidia.com/gpu": "1"}, False),
        ({}, {"nvidia.com/gpu": "0"}, True),
    ],
)
def test_a_pod_fits_on_some_node(spec, requests, right):
    web = workload(containers=[resources(requests=requests)], spec=spec)
    assert held({"op": "schedulable", "target": WEB}, web) is right


def test_requests_default_to_limits_and_add_up_over_containers():
    assertion = {"op": "schedulable", "target": WEB}
    half = resources(limits={"cpu": "2"})
    assert held(assertion, workload(containers=[half, half]))
    assert not held(assertion, workload(containers=[half, half, resources(requests={"cpu": "1m"})]))
    init = {"initContainers": [resources(requests={"cpu": "4"})]}  # runs before the others, not beside them
    assert held(assertion, workload(containers=[half, half], spec=init))
    large = {"initContainers": [resources(requests={"cpu": "5"})]}
    assert not held(assertion, workload(containers=[half, half], spec=large))
    sidecar = {"initContainers": [{**resources(requests={"cpu": "1m"}), "restartPolicy": "Always"}]}
    assert not held(assertion, workload(containers=[half, half], spec=sidecar))


def test_without_nodes_nothing_can_be_scheduled():
    assert not held({"op": "schedulable", "target": WEB}, workload(), nodes=())
    assert not held({"op": "schedulable", "target": WEB}, workload(containers=[]))


def test_replicas_that_keep_apart_need_as_many_nodes():
    assertion = {"op": "schedulable", "target": WEB}
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    apart = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    assert held(assertion, workload(spec=apart, replicas=2))
    assert not held(assertion, workload(spec=apart, replicas=3))
    assert not held(assertion, workload(spec={**apart, "nodeSelector": {"disk": "ssd"}}, replicas=2))
    others = deepcopy(apart)
    others["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0][
        "labelSelector"
    ] = {"matchLabels": {"app": "db"}}
    assert held(assertion, workload(spec=others, replicas=3))


def test_taints_keep_pods_away_that_do_not_tolerate_them():
    assertion = {"op": "schedulable", "target": WEB}
    tainted = (Node(name="n1", taints=(Taint(key="gpu", value="yes", effect="NoSchedule"),)),)
    tolerates = {"tolerations": [{"key": "gpu", "operator": "Exists"}]}
    assert not held(assertion, workload(), nodes=tainted)
    assert held(assertion, workload(spec=tolerates), nodes=tainted)
    soft = (Node(name="n1", taints=(Taint(key="gpu", effect="PreferNoSchedule"),)),)
    assert held(assertion, workload(), nodes=soft)


def test_a_live_node_stands_in_the_place_of_what_the_case_told_of_it():
    assertion = {"op": "schedulable", "target": WEB}
    web = workload(spec={"nodeSelector": {"label": "some"}})
    assert not held(assertion, web)
    live = {"kind": "Node", "metadata": {"name": "n1", "labels": {"label": "some"}}}
    assert held(assertion, web, live)


def test_a_quota_admits_what_states_all_it_names_and_stays_within():
    assertion = {"op": "quota_admits", "target": WEB, "quota": "small"}
    quota = obj("ResourceQuota", "small", spec={"hard": {"requests.cpu": "1", "limits.memory": "1Gi"}})
    fine = resources(requests={"cpu": "250m"}, limits={"memory": "256Mi"})
    assert held(assertion, workload(containers=[fine], replicas=4), quota)
    assert not held(assertion, workload(containers=[fine], replicas=5), quota)
    assert not held(assertion, workload(containers=[resources(requests={"cpu": "250m"})]), quota)
    by_limit = resources(limits={"cpu": "250m", "memory": "256Mi"})
    assert held(assertion, workload(containers=[by_limit], replicas=4), quota)
    assert not held(assertion, workload(containers=[fine]))
    pods = obj("ResourceQuota", "small", spec={"hard": {"pods": "2"}})
    assert held(assertion, workload(replicas=2), pods)
    assert not held(assertion, workload(replicas=3), pods)


def test_a_limit_is_at_most_so_many_times_the_request():
    assertion = {"op": "ratio_le", "target": WEB, "resource": "memory", "value": 2}
    pair = {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    assert held(assertion, workload(containers=[resources(**pair)]))
    assert not held(assertion, workload(containers=[resources(**{**pair, "limits": {"memory": "2049Mi"}})]))
    assert not held(assertion, workload(containers=[resources(requests={"memory": "1Gi"})]))
    assert held(assertion, workload(containers=[resources(limits={"memory": "1Gi"})]))
    assert not held(assertion, workload(containers=[resources(**pair), {"name": "bare"}]))
    assert not held(assertion, workload(containers=[]))


# ---------------------------------------------------------------- autoscaling and disruption


def test_an_hpa_has_a_target_whose_containers_request_the_resource():
    assertion = {"op": "hpa_target_has_request", "target": target("HorizontalPodAutoscaler", "web")}
    assertion["resource"] = "cpu"
    hpa = obj("HorizontalPodAutoscaler", "web", spec={"scaleTargetRef": WEB})
    assert held(assertion, hpa, workload(containers=[resources(requests={"cpu": "100m"})]))
    assert not held(assertion, hpa, workload(containers=[resources(requests={"memory": "1Gi"})]))
    assert not held(assertion, hpa, workload(containers=[resources(requests={"cpu": "1"}), {"name": "b"}]))
    assert not held(assertion, hpa)


def test_an_hpa_has_room_between_least_and_most():
    assertion = {"op": "hpa_spread", "target": target("HorizontalPodAutoscaler", "web"), "value": 2}
    for spec, right in (
        ({"minReplicas": 2, "maxReplicas": 4}, True),
        ({"minReplicas": 3, "maxReplicas": 4}, False),
        ({"maxReplicas": 3}, True),  # the least is one
        ({"minReplicas": 1}, False),
    ):
        assert held(assertion, obj("HorizontalPodAutoscaler", "web", spec=spec)) is right


@pytest.mark.parametrize(
    ("budget", "right"),
    [
        ({"minAvailable": 2}, True),
        ({"minAvailable": 3}, False),
        ({"minAvailable": "60%"}, True),
        ({"minAvailable": "67%"}, False),  # rounded up: 3 of 3
        ({"maxUnavailable": 1}, True),
        ({"maxUnavailable": 0}, False),
        ({"maxUnavailable": "1%"}, True),
        ({"maxUnavailable": "0%"}, False),
        ({"maxUnavailable": 1, "minAvailable": 1}, False),
        ({}, False),
        ({"minAvailable": "half"}, False),
    ],
)
def test_a_disruption_budget_lets_a_pod_go(budget, right):
    assertion = {"op": "pdb_allows_disruption", "target": target("PodDisruptionBudget", "web")}
    selector = {"matchLabels": {"app": "web"}}
    found = obj("PodDisruptionBudget", "web", spec={"selector": selector, **budget})
    assert held(assertion, found, workload(replicas=3)) is right
    assert not held(assertion, found, workload(name="db", replicas=3))  # it covers nothing


# ---------------------------------------------------------------- rbac

ROLE = obj("Role", "reader", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}])
BOT = {"kind": "ServiceAccount", "name": "bot", "namespace": "shop"}
BINDING = obj("RoleBinding", "bot", roleRef={"kind": "Role", "name": "reader"}, subjects=[{**BOT}])


def access(op, subject=BOT, namespace="shop", group="", resource="pods", verb="get"):
    asked = {"subject": subject, "namespace": namespace, "apiGroup": group, "resource": resource}
    return {"op": op, "verb": verb, **asked}


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ({}, True),
        ({"subject": "system:serviceaccount:shop:bot"}, True),
        ({"subject": {"kind": "ServiceAccount", "name": "bot"}}, True),
        ({"subject": "ServiceAccount/bot"}, True),
        ({"subject": "bot"}, False),  # a user
        ({"group": None}, True),
        ({"namespace": None}, False),
        ({"subject": {**BOT, "namespace": "test"}}, False),
        ({"subject": {"kind": "User", "name": "bot"}}, False),
        ({"verb": "delete"}, False),
        ({"resource": "secrets"}, False),
        ({"resource": "pods/exec"}, False),
        ({"group": "apps"}, False),
        ({"namespace": "test"}, False),
    ],
)
def test_access_is_what_roles_and_bindings_grant(asked, allowed):
    assert held(access("rbac_allows", **asked), ROLE, BINDING) is allowed
    assert held(access("rbac_denies", **asked), ROLE, BINDING) is not allowed


def test_wildcards_groups_and_cluster_bindings_grant():
    everything = {
        "kind": "ClusterRole",
        "metadata": {"name": "all"},
        "rules": [{"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["*"]}],
    }
    binding = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "all"},
        "roleRef": {"kind": "ClusterRole", "name": "all"},
        "subjects": [{"kind": "Group", "name": "system:serviceaccounts:shop"}],
    }
    asked = access("rbac_allows", group="apps", resource="deployments/scale", verb="update")
    assert held(asked, everything, binding)
    assert not held(access("rbac_allows", resource="deployments"), everything, binding)
    assert not held({**asked, "subject": {**BOT, "namespace": "test"}}, everything, binding)


def test_a_rule_for_named_objects_grants_nothing_about_others():
    role = deepcopy(ROLE)
    role["rules"][0]["resourceNames"] = ["web-1"]
    assert not held(access("rbac_allows"), role, BINDING)
    assert held({**access("rbac_allows"), "resourceName": "web-1"}, role, BINDING)
    assert held({**access("rbac_denies"), "resourceName": "web-2"}, role, BINDING)


def test_a_role_that_cannot_be_read_neither_grants_nor_proves_a_denial():
    assert not held(access("rbac_allows"), BINDING)
    assert not held(access("rbac_denies"), BINDING)
    admin = {**deepcopy(BINDING), "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    assert held(access("rbac_allows", verb="delete", resource="secrets"), admin)


def test_a_role_grants_none_of_what_is_named():
    assertion = {"op": "rule_grants_none", "target": target("Role", "reader")}
    assert held({**assertion, "resources": ["secrets"]}, ROLE)
    assert not held({**assertion, "resource": "pods"}, ROLE)
    assert held({**assertion, "resource": "pods", "verbs": ["create", "delete"]}, ROLE)
    assert not held({**assertion, "resources": ["pods"], "verbs": ["create", "list"]}, ROLE)
    assert held({**assertion, "resources": ["pods"], "apiGroup": "apps"}, ROLE)
    wild = obj("Role", "reader", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
    assert not held({**assertion, "resource": "secrets", "verb": "get"}, wild)


def test_a_binding_names_none_of_these_subjects():
    assertion = {"op": "subjects_exclude", "target": target("RoleBinding", "bot"), "value": ["bot"]}
    assert not held(assertion, BINDING)
    assert held({**assertion, "value": ["system:anonymous"]}, BINDING)
    assert held(assertion, obj("RoleBinding", "bot"))


# ---------------------------------------------------------------- network


def policy(name="p", pods=None, **spec):
    return obj("NetworkPolicy", name, spec={"podSelector": pods or {}, **spec})


def ingress_rule(peer=None, port=None):
    rule = {} if peer is None else {"from": [peer]}
    return {**rule, **({} if port is None else {"ports": [{"port": port}]})}


DB = workload(name="db", containers=[{"name": "db", "ports": [{"name": "sql", "containerPort": 5432}]}])
FROM_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
CONNECT = {"op": "netpol_ingress_allows", "from": WEB, "to": target("Deployment", "db"), "port": 5432}


@pytest.mark.parametrize(
    ("rules", "right"),
    [
        ([ingress_rule(FROM_WEB, 5432)], True),
        ([ingress_rule(FROM_WEB)], True),
        ([ingress_rule()], True),
        ([ingress_rule(FROM_WEB, "sql")], True),
        ([ingress_rule(FROM_WEB, "http")], False),
        ([ingress_rule(FROM_WEB, 3306)], False),
        ([ingress_rule({"podSelector": {"matchLabels": {"app": "wbe"}}}, 5432)], False),
        ([ingress_rule({"podSelector": {}}, 5432)], True),
        ([ingress_rule({"namespaceSelector": {"matchLabels": {"team": "shop"}}}, 5432)], True),
        ([ingress_rule({"namespaceSelector": {"matchLabels": {"team": "other"}}}, 5432)], False),
        ([ingress_rule({"ipBlock": {"cidr": "0.0.0.0/0"}}, 5432)], False),  # plugins differ: not decided
        ([{"from": [FROM_WEB], "ports": [{"port": 5432, "protocol": "UDP"}]}], False),
        ([{"from": [FROM_WEB], "ports": [{"port": 5000, "endPort": 6000}]}], True),
        ([ingress_rule(FROM_WEB, 1), ingress_rule(FROM_WEB, 5432)], True),
        ([], False),
    ],
)
def test_policies_admit_a_connection_or_not(rules, right):
    shop = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "shop"}}}
    found = policy(pods={"matchLabels": {"app": "db"}}, ingress=rules)
    assert held(CONNECT, workload(), DB, shop, found) is right


def test_pods_that_no_policy_selects_are_open_and_policies_add_up():
    other = policy("other", pods={"matchLabels": {"app": "cache"}}, ingress=[])
    closed = policy("closed", ingress=[])
    opens = policy("opens", pods={"matchLabels": {"app": "db"}}, ingress=[ingress_rule(FROM_WEB, 5432)])
    outward = policy("outward", policyTypes=["Egress"], egress=[])
    assert held(CONNECT, workload(), DB)
    assert held(CONNECT, workload(), DB, other, outward)
    assert not held(CONNECT, workload(), DB, closed)
    assert held(CONNECT, workload(), DB, closed, opens)
    assert not held(CONNECT, DB)  # nobody there to connect


def test_ends_of_a_connection_may_be_labels_a_name_or_an_address():
    closed = policy(ingress=[ingress_rule(FROM_WEB, 5432)])
    for end, right in (
        ("Deployment/web", True),
        ("web", True),
        ({"app": "web"}, True),
        ({"labels": {"app": "web"}}, True),
        ({"labels": {"app": "other"}}, False),
        ({"labels": {"app": "web"}, "namespace": "test"}, False),
        ({"ip": "10.0.0.1"}, False),
    ):
        assert held({**CONNECT, "from": end}, workload(), DB, closed) is right
    block = policy(ingress=[ingress_rule({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]}})])
    assert held({**CONNECT, "from": {"ip": "10.0.0.1"}}, DB, block)
    assert not held({**CONNECT, "from": {"ip": "10.9.0.1"}}, DB, block)


DNS_PORT = {"port": 53, "protocol": "UDP"}
SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


@pytest.mark.parametrize(
    ("egress", "right"),
    [
        ([{"to": [SYSTEM], "ports": [DNS_PORT]}], True),
        ([{"ports": [DNS_PORT]}], True),
        ([{}], True),
        ([{"to": [{**SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}], True),
        ([{"to": [{"podSelector": {}}], "ports": [DNS_PORT]}], False),  # only its own namespace
        ([{"to": [SYSTEM], "ports": [{"port": 53}]}], False),  # TCP
        ([{"to": [SYSTEM], "ports": [{"port": 443, "protocol": "UDP"}]}], False),
        ([], False),
    ],
)
def test_pods_may_ask_the_dns_or_not(egress, right):
    assertion = {"op": "netpol_egress_allows_dns", "from": WEB}
    closed = policy(policyTypes=["Egress"], egress=egress)
    assert held(assertion, workload(), closed) is right
    assert held(assertion, workload(), policy(ingress=[]))  # egress is not restricted


# ---------------------------------------------------------------- whatever a model writes


@pytest.mark.parametrize("spec", [None, 7, "text", [], {"template": []}, {"template": {"spec": "x"}}])
@pytest.mark.parametrize(
    "assertion",
    [
        {"op": "schedulable", "target": WEB},
        {"op": "quota_admits", "target": WEB, "quota": "q"},
        {"op": "ratio_le", "target": WEB, "resource": "cpu", "value": 2},
        {"op": "workload_selector_matches_template", "target": WEB},
        {"op": "each_container", "target": WEB, "check": {"op": "exists", "path": "image"}},
        {"op": "rule_grants_none", "target": WEB, "resource": "pods", "verb": "get"},
        {"op": "service_selects_pods", "target": WEB, "workload": "web"},
        {"op": "pdb_allows_disruption", "target": WEB},
        {"op": "hpa_target_has_request", "target": WEB, "resource": "cpu"},
        {"op": "hpa_spread", "target": WEB, "value": 1},
        {"op": "netpol_egress_allows_dns", "from": WEB},
        {"op": "secret_keys_exist", "target": WEB},
    ],
    ids=lambda assertion: assertion["op"],
)
def test_a_malformed_object_is_judged_and_never_an_error(assertion, spec):
    quota = obj("ResourceQuota", "q", spec={"hard": {"requests.cpu": "1"}})
    assert isinstance(held(assertion, obj("Deployment", "web", spec=spec), quota), bool)
