"""Two faults at once in one object: mending one of them is not enough."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import TWO_FAULTS, Scenario, fixable
from gym.catalogue.configuration import KEYS, env_name, variable
from gym.catalogue.crashes import database
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, SHAPES, at, below, config_map, main, node, service, workload
from gym.catalogue.sketch import Sketch, check, target
from gym.catalogue.traffic import BACKEND, PORT, class_object, ingress, key_path

FAMILY = "two-faults"


@fixable(
    "tag-and-key",
    FAMILY,
    "ImagePull ConfigReference",
    Tier.KWOK,
    "a release went out with a tag that nobody had pushed, and asks for a key that the ConfigMap lacks",
    "tag and key of the revision before",
    TWO_FAULTS,
)
def tag_and_key(d: Draw, s: Sketch) -> None:
    key, other, value = d.turn(*KEYS)
    config = config_map(d, f"{d.app}-config", {key: value})
    name = env_name(key)
    good = workload(d, env=(variable(name, f"{d.app}-config", key),))
    bad = d.image(release=d.next_release)
    s.breaks(good, at(good, "image"), bad)
    s.breaks(good, at(good, f"env[name={name}].valueFrom.configMapKeyRef.key"), other)
    s.stands(config)
    s.had(good)
    s.mistake((good, at(good, "image"), d.image()))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))


@fixable(
    "two-containers",
    FAMILY,
    "ImagePull CrashLoop StartError",
    Tier.KWOK,
    "the program's tag does not exist, and its sidecar's command has a typing error",
    "tag and command of the revision before",
    TWO_FAULTS,
)
def two_containers(d: Draw, s: Sketch) -> None:
    good = workload(d, sidecar=True)
    good["spec"]["template"]["spec"]["containers"][1] = {
        "name": "companion",
        "image": f"{d.registry}/companion:3.0",
        "command": ["forwarder", "--quiet"],
    }
    bad = d.image(release=d.next_release)
    s.breaks(good, at(good, "image"), bad)
    path = at(good, "command", "companion")
    s.breaks(good, f"{path}[0]", "forwader", allow=path)
    s.had(good)
    s.mistake((good, at(good, "image"), d.image()))
    s.mistake((good, f"{path}[0]", "forwarder"))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))
    s.shows(good, **kubelet.start_error("companion", kubelet.no_executable("forwader")))


@fixable(
    "probe-path-and-port",
    FAMILY,
    "NotReady",
    Tier.KWOK,
    "the readiness probe asks a wrong page on a wrong port",
    "page and port of the liveness probe",
    TWO_FAULTS,
)
def path_and_port(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES))
    get = at(good, "readinessProbe.httpGet")
    wrong = d.port + d.any(1, 80)
    s.breaks(good, f"{get}.path", f"{d.path}z")
    s.breaks(good, f"{get}.port", wrong, check("in", good, f"{get}.port", value=[d.port, "http"]))
    s.mistake((good, f"{get}.port", d.port))
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    s.shows(good, **kubelet.unready(d.main, kubelet.refused(wrong, f"{d.path}z")))


@fixable(
    "memory-and-endpoint",
    FAMILY,
    "OOMKilled CrashLoop",
    Tier.KWOK,
    "a release cut the memory limit, and changed the database's address to one that no Service has",
    "limit and address of the revision before",
    TWO_FAULTS,
)
def memory_and_endpoint(d: Draw, s: Sketch) -> None:
    runs, serves, _, port = database(d)
    host = serves["metadata"]["name"]
    good = workload(d, env=({"name": "STORE_ADDRESS", "value": f"{host}:{port}"},))
    main(good)["resources"] = {"requests": {"memory": "32Mi"}, "limits": {"memory": "384Mi"}}
    limit = at(good, "resources.limits.memory")
    s.breaks(
        good,
        limit,
        "208Mi",
        check("qty_ge", good, limit, value="256Mi"),
        check("qty_le", good, limit, value="4Gi"),
        allow=at(good, "resources"),
    )
    address = at(good, "env[name=STORE_ADDRESS].value")
    s.breaks(good, address, f"{host}-new:{port}")
    s.stands(runs, serves)
    s.had(good)
    s.mistake((good, limit, "384Mi"))
    log = (
        d.quiet("loading the index: 230 MiB")
        + "\n"
        + d.log(f"lookup {host}-new: no such host, will try again")
    )
    s.shows(good, **kubelet.out_of_memory(d.main, log))


@fixable(
    "selector-and-toleration",
    FAMILY,
    "Unschedulable",
    Tier.CONTROL_PLANE,
    "the node selector has a typing error, and the toleration of the pool's taint is gone",
    "selector and toleration of the revision before",
    TWO_FAULTS,
)
def selector_and_toleration(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(("reports", "report"), ("search", "searching"), ("media", "medias"))
    good = workload(d)
    spec = good["spec"]["template"]["spec"]
    spec["nodeSelector"] = {"pool": right}
    spec["tolerations"] = [{"key": "pool", "operator": "Equal", "value": right, "effect": "NoSchedule"}]
    selects, tolerates = f"{below(good)}.nodeSelector.pool", f"{below(good)}.tolerations"
    s.breaks(good, selects, wrong)
    s.breaks(good, tolerates, ABSENT, check("schedulable", good))
    s.had(good)
    taint = {"key": "pool", "value": right, "effect": "NoSchedule"}
    s.nodes = [
        node("worker-1"),
        *(node(f"worker-{n}", labels={"pool": right}, taints=[taint]) for n in (2, 3)),
    ]
    s.mistake((good, selects, right))
    s.mistake((good, below(good) + ".nodeSelector", ABSENT))


@fixable(
    "service-selector-and-port",
    FAMILY,
    "NoEndpoints ServicePort",
    Tier.CONTROL_PLANE,
    "a Service selects no pod, and sends to a port name that no container has",
    "label and port of the workload of its name",
    TWO_FAULTS,
)
def selector_and_port(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn(*SHAPES))
    good = service(d, behind)
    key = next(iter(good["spec"]["selector"]))
    s.applies(behind)
    s.breaks(
        good,
        key_path("spec.selector", key),
        f"{d.app}-service",
        check("service_selects_pods", good, workload=target(behind)),
        allow="spec.selector",
    )
    s.breaks(good, PORT, "web", check("in", good, PORT, value=["http", d.port]), allow="spec.ports")
    s.mistake((good, key_path("spec.selector", key), d.app))
    s.mistake((good, PORT, "http"))


@fixable(
    "ingress-class-and-service",
    FAMILY,
    "IngressClass IngressBackend",
    Tier.CONTROL_PLANE,
    "an Ingress names a class and a Service that do not exist",
    "the class that exists and the workload's Service",
    TWO_FAULTS,
)
def class_and_service(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    serves = service(d, behind, f"{d.app}-{d.turn('http', 'svc', 'front')}")
    good = ingress(d, serves)
    s.applies(behind, serves)
    s.breaks(good, "spec.ingressClassName", d.turn("publc", "public-web", "public-nginx"))
    s.breaks(good, f"{BACKEND}.name", d.app)
    s.stands(class_object("public"))
    s.mistake((good, "spec.ingressClassName", "public"))


SCENARIOS: tuple[Scenario, ...] = (
    tag_and_key, two_containers, path_and_port, memory_and_endpoint, selector_and_toleration, selector_and_port,
    class_and_service,
)  # fmt: skip
