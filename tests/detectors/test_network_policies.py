"""NetworkPolicies that select nothing, or cut what something declares; by rule, not by traffic."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.objects import Item, item, look, only, settling, told, workload

HTTP = {"name": "http", "containerPort": 8080, "protocol": "TCP"}
WEB, DB, JOBS = workload("web", ports=[HTTP]), workload("db"), workload("jobs")
SERVICE = item(
    "Service", "web", {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}
)
DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}],
}


def pods(app: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": app}}}


def policy(
    name: str = "p", app: str | None = "web", *, ingress: Any = None, egress: Any = None, age: float = 3600
) -> Item:
    selector = {} if app is None else {"matchLabels": {"app": app}}
    types = [kind for kind, rules in (("Ingress", ingress), ("Egress", egress)) if rules is not None]
    rules = {"ingress": ingress or [], "egress": egress or []}
    document = {"spec": {"podSelector": selector, "policyTypes": types or ["Ingress"], **rules}}
    return item("NetworkPolicy", name, document, age=age)


def to_db(*ports: int) -> dict[str, Any]:
    return {"to": [pods("db")], "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


# ---------------------------------------------------------------- what it selects


def test_a_policy_that_selects_nobody_names_the_labels():
    found = only(look(policy(app="wbe", ingress=[{}]), WEB))
    assert (found.fault_class.value, "app=wbe" in found.message) == ("PolicyMatchesNothing", True)


@pytest.mark.parametrize(
    "items",
    [
        (policy(app=None, ingress=[{}]),),
        (policy(ingress=[{}]), workload("web", replicas=0)),
        (
            policy(app="nightly", ingress=[{}]),
            item(
                "CronJob",
                "nightly",
                {
                    "spec": {
                        "schedule": "0 3 * * *",
                        "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "nightly"}}}}},
                    }
                },
                age=10,
            ),
        ),
    ],
    ids=["everything, of nothing", "scaled to nothing", "between two runs"],
)
def test_a_policy_whose_pods_only_are_not_there_now_is_silent(items):
    assert told(look(*items)) == []


def test_its_pods_may_come_a_moment_later():
    assert settling(look(policy(app="wbe", ingress=[{}], age=5), WEB)) == {"NetworkPolicy/p"}


# ---------------------------------------------------------------- cluster DNS


@pytest.mark.parametrize(
    "egress",
    [
        [to_db(5432), DNS],
        [to_db(5432), {"ports": [{"port": 53, "protocol": "UDP"}]}],
        [{}],
        [to_db(5432), {"to": [{"ipBlock": {"cidr": "10.96.0.0/12"}}]}],
        [{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 443}]}],
        [],
        [to_db(5432), {"to": [{"namespaceSelector": {"matchLabels": {"team": "platform"}}}]}],
    ],
    ids=[
        "dns",
        "53 to all",
        "all",
        "an address block",
        "only addresses",
        "no way out at all",
        "by another label",
    ],
)
def test_pods_that_may_ask_for_names_or_need_none_are_silent(egress):
    judgement = look(policy(egress=egress), WEB, DB)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    "egress",
    [
        [to_db(5432)],
        [to_db(5432), {**DNS, "ports": [{"port": 53, "protocol": "TCP"}]}],
        [{"ports": [{"port": 443, "protocol": "TCP"}]}],
        [to_db(53)],
    ],
    ids=["pods alone", "only TCP", "everybody, another port", "53 of somebody else"],
)
def test_pods_that_may_reach_others_but_not_dns_are_cut_off(egress):
    found = only(look(policy(egress=egress), WEB, DB))
    assert (found.fault_class.value, found.reason) == ("PolicyBlocks", "DNSBlocked")
    assert (str(found.target), str(found.subject)) == ("NetworkPolicy/p", "Deployment/web")
    assert "DNS" in found.message


def test_what_one_policy_denies_another_admits():
    assert told(look(policy("a", egress=[to_db(5432)]), policy("b", None, egress=[DNS]), WEB, DB)) == []


# ---------------------------------------------------------------- Services


@pytest.mark.parametrize(
    "ingress",
    [
        [{}],
        [{"from": [pods("db")]}],
        [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
        [{"ports": [{"port": "http", "protocol": "TCP"}]}],
        [{"ports": [{"port": 8000, "endPort": 9000, "protocol": "TCP"}]}],
        [{"from": [{"namespaceSelector": {}}]}],
    ],
)
def test_a_service_to_which_somebody_is_admitted_is_silent(ingress):
    assert told(look(policy(ingress=ingress), WEB, DB, SERVICE)) == []


@pytest.mark.parametrize(
    "ingress",
    [[], [{"ports": [{"port": 80, "protocol": "TCP"}]}], [{"ports": [{"port": 8080, "protocol": "UDP"}]}]],
)
def test_a_service_to_which_nobody_is_admitted_is_cut_off(ingress):
    found = only(look(policy(ingress=ingress), WEB, SERVICE))
    assert (found.reason, found.facts["service"], found.facts["port"]) == (
        "NobodyAdmitted",
        "web",
        "8080/TCP",
    )


def test_those_admitted_may_be_nobody():
    found = only(look(policy(ingress=[{"from": [pods("frontned")]}]), WEB, SERVICE))
    assert (found.reason, found.severity.value) == ("NobodyMatches", "info")


def test_without_a_service_the_declared_ports_of_those_who_admit_somebody_count():
    closed = {"from": [pods("db")], "ports": [{"port": 80, "protocol": "TCP"}]}
    found = only(look(policy(ingress=[closed]), WEB, DB))
    assert (found.reason, found.facts["port"]) == ("NobodyAdmitted", "8080/TCP")
    found = only(look(policy(ingress=[{"from": [pods("frontned")]}]), WEB, DB))
    assert (found.reason, "app=frontned" in found.message) == ("NobodyMatches", True)
    metrics = workload("web", ports=[HTTP, {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}])
    one_of_two = {"from": [pods("db")], "ports": [{"port": 9090, "protocol": "TCP"}]}
    for silent in ([], [one_of_two], [{}]):
        assert told(look(policy(ingress=silent), metrics, DB)) == []


# ---------------------------------------------------------------- declared paths

PATH = {"from": {"app": "web"}, "to": {"app": "db"}, "port": 5432}


def along(*policies: Item, **path: Any):
    return look(*policies, WEB, DB, JOBS, paths=[PATH | path])


@pytest.mark.parametrize(
    "policies",
    [
        (),
        (policy(app="db", ingress=[{"from": [pods("web")], "ports": [{"port": 5432, "protocol": "TCP"}]}]),),
        (policy(egress=[to_db(5432), DNS]),),
        (policy("deny", None, ingress=[]), policy("allow", "db", ingress=[{"from": [pods("web")]}])),
    ],
)
def test_a_declared_path_that_is_admitted_at_both_ends_is_silent(policies):
    judgement = along(*policies)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    "policies",
    [
        (policy(app="db", ingress=[{"from": [pods("wbe")]}]),),
        (policy(app="db", ingress=[{"from": [pods("web")], "ports": [{"port": 5433, "protocol": "TCP"}]}]),),
        (policy(egress=[to_db(5433), DNS]),),
        (
            policy(
                app="db",
                ingress=[
                    {
                        "from": [
                            {
                                **pods("web"),
                                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}},
                            }
                        ]
                    }
                ],
            ),
        ),
    ],
    ids=["other pods", "another port", "no way out", "another namespace"],
)
def test_a_declared_path_that_is_cut_names_both_ends(policies):
    found = only(along(*policies))
    assert (found.fault_class.value, found.reason) == ("PolicyBlocks", "PathBlocked")
    assert "Deployment/web to port 5432/TCP of Deployment/db" in found.message


def test_where_it_hangs_on_what_is_not_known_it_is_unknown():
    judgement = along(policy(app="db", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]))
    assert (told(judgement), judgement.judged) == ([], frozenset())
    assert "addresses" in judgement.unknowns[0].gap.message
    assert "no port there" in along(policy(ingress=[]), port="pg").unknowns[0].gap.message
