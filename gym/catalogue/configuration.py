"""References to ConfigMaps and Secrets that lead nowhere."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import MISLEADING, PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, SHAPES, Json, at, config_map, main, names, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "config-reference"
REFERENCE = "ConfigReference"
SECRET = "SecretReference ConfigReference"

KEYS = (
    ("database.host", "database.hostname", "postgres.internal"),
    ("smtp.host", "smtp.hostname", "mail.internal"),
    ("upstream.url", "upstream.uri", "http://pricing.internal:8080"),
    ("log.level", "logging.level", "info"),
    ("BROKER_ADDRESS", "BROKER_ADDRESSES", "nats.internal:4222"),
)
"""A key, one that is easily taken for it, and its value."""


def variable(name: str, config: str, key: str) -> Json:
    """An environment variable from a ConfigMap."""
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": config, "key": key}}}


def env_name(key: str) -> str:
    """The variable that teams make of a key."""
    return key.replace(".", "_").upper()


def lost_key(d: Draw, s: Sketch, kind: str = "Deployment") -> tuple[Json, str, str]:
    """A key that the ConfigMap does not have; the workload, the path of the reference, the key that is right."""
    key, other, value = d.turn(*KEYS)
    config = config_map(d, f"{d.app}-{d.any('config', 'settings', 'env')}", {key: value})
    name = config["metadata"]["name"]
    good = workload(d, kind, env=(variable(env_name(key), name, key),))
    path = at(good, f"env[name={env_name(key)}].valueFrom.configMapKeyRef.key")
    s.breaks(good, path, other)
    s.stands(config)
    message = f"couldn't find key {other} in ConfigMap {d.namespace}/{name}"
    s.shows(good, **kubelet.config_error(d.main, message))
    return good, path, key


@fixable(
    "config-key",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "a variable asks for a ConfigMap key that is spelt otherwise",
    "the key that the ConfigMap has",
    PUBLISHED,
)
def lost(d: Draw, s: Sketch) -> None:
    good, path, _ = lost_key(d, s, d.turn(*SHAPES))
    s.mistake((good, path.removesuffix(".key") + ".optional", True))


@fixable(
    "config-map-name",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "a variable names a ConfigMap that is called otherwise",
    "the name of the ConfigMap that holds the key",
)
def renamed(d: Draw, s: Sketch) -> None:
    key, _, value = d.turn(*KEYS)
    right, asked = d.turn(("config", "configuration"), ("settings", "setting"), ("env", "environment"))
    config = config_map(d, f"{d.app}-{right}", {key: value})
    good = workload(d, d.turn(*SHAPES), env=(variable(env_name(key), f"{d.app}-{right}", key),))
    path = at(good, f"env[name={env_name(key)}].valueFrom.configMapKeyRef.name")
    s.breaks(good, path, f"{d.app}-{asked}")
    other = d.other_app()
    s.stands(config, config_map(d, f"{other}-{right}", {"owner": d.team}))
    s.mistake((good, path, f"{other}-{right}"))
    s.shows(good, **kubelet.config_error(d.main, f'configmap "{d.app}-{asked}" not found'))


@fixable(
    "config-map-from-release-name",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "envFrom names a ConfigMap of a release that is no more",
    "the ConfigMap that the revision before used, which is there",
)
def env_from(d: Draw, s: Sketch) -> None:
    old, new = d.letters(6), d.letters(6)
    config = config_map(d, f"{d.app}-env-{old}", {"LOCALE": "en_GB"})
    good = workload(d)
    main(good)["envFrom"] = [{"configMapRef": {"name": f"{d.app}-env-{old}"}}]
    path = at(good, "envFrom[0].configMapRef.name")
    s.breaks(good, path, f"{d.app}-env-{new}", allow=at(good, "envFrom"))
    s.stands(config)
    s.had(good)
    s.mistake((good, at(good, "envFrom"), ABSENT))
    s.shows(good, **kubelet.config_error(d.main, f'configmap "{d.app}-env-{new}" not found'))


@fixable(
    "config-volume-name",
    FAMILY,
    "ConfigReference StartError NotReady",
    Tier.KWOK,
    "a volume names a ConfigMap that is not there; a sibling mounts the right one",
    "the ConfigMap that the sibling mounts",
)
def volume(d: Draw, s: Sketch) -> None:
    right = f"{d.app}-{d.any('templates', 'rules', 'routes')}"
    good = workload(d, d.turn(*SHAPES))
    beside = workload(d, "Deployment", f"{d.app}-preview")
    for obj in (good, beside):
        obj["spec"]["template"]["spec"]["volumes"] = [{"name": "files", "configMap": {"name": right}}]
        main(obj)["volumeMounts"] = [{"name": "files", "mountPath": f"/etc/{d.app}"}]
    wrong = right[:-1]
    s.breaks(good, "spec.template.spec.volumes[name=files].configMap.name", wrong)
    s.stands(beside, config_map(d, right, {"main.conf": "include /etc/defaults;\n"}, noise=0))
    s.mistake((good, "spec.template.spec.volumes[name=files].configMap.optional", True))
    for symptom in kubelet.mount_fails(names(good), "files", f'configmap "{wrong}" not found'):
        s.shows(good, **symptom)


@fixable(
    "config-volume-item",
    FAMILY,
    "ConfigReference StartError NotReady",
    Tier.KWOK,
    "a volume asks for a key that the ConfigMap has under another ending",
    "the key that the ConfigMap has",
)
def item(d: Draw, s: Sketch) -> None:
    stem = d.any("routes", "limits", "tenants")
    right, asked = d.turn((".yaml", ".yml"), (".conf", ".cfg"), (".json", ".jsn"))
    name = f"{d.app}-files"
    good = workload(d, d.turn("Deployment", "StatefulSet"))
    items = [{"key": f"{stem}{right}", "path": f"{stem}{right}"}]
    good["spec"]["template"]["spec"]["volumes"] = [
        {"name": "files", "configMap": {"name": name, "items": items}}
    ]
    main(good)["volumeMounts"] = [{"name": "files", "mountPath": f"/etc/{d.app}"}]
    path = "spec.template.spec.volumes[name=files].configMap.items[0].key"
    s.breaks(good, path, f"{stem}{asked}", allow="spec.template.spec.volumes[name=files].configMap.items")
    s.stands(config_map(d, name, {f"{stem}{right}": "version: 2\n"}))
    s.mistake((good, "spec.template.spec.volumes[name=files].configMap.optional", True))
    said = f"configmap references non-existent config key: {stem}{asked}"
    for symptom in kubelet.mount_fails(names(good), "files", said):
        s.shows(good, **symptom)


@fixable(
    "secret-name-lost-in-release",
    FAMILY,
    SECRET,
    Tier.KWOK,
    "a release names a Secret that does not exist; the revision before used one that does",
    "the Secret of the revision before",
)
def secret_name(d: Draw, s: Sketch) -> None:
    right, asked = f"{d.app}-{d.any('db', 'api', 'mail')}-login", f"{d.app}-credentials"
    reference = {
        "name": "SERVICE_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": right, "key": "password"}},
    }
    good = workload(d, env=(reference,))
    path = at(good, "env[name=SERVICE_PASSWORD].valueFrom.secretKeyRef.name")
    s.breaks(good, path, asked)
    s.demands(check("secret_keys_exist", good))
    s.existing = {"Secret": [{"name": right, "keys": ["password", "username"]}]}
    s.had(good)
    s.mistake((good, path.removesuffix(".name") + ".optional", True))
    s.shows(good, **kubelet.config_error(d.main, f'secret "{asked}" not found'))


@fixable(
    "config-key-beside-a-decoy",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "a key is spelt otherwise, and another environment's ConfigMap has just the spelling that is asked for",
    "the key of the ConfigMap that the workload and its sibling use, not the other environment's ConfigMap",
    MISLEADING,
)
def decoy(d: Draw, s: Sketch) -> None:
    good, path, key = lost_key(d, s, d.turn("Deployment", "StatefulSet"))
    config = s.inventory[-1]
    _, asked, _ = d.turn(*KEYS)
    elsewhere = config["metadata"]["name"] + d.turn("-staging", "-load-test", "-demo")
    s.stands(
        config_map(d, elsewhere, {asked: "staging.internal"}),
        workload(
            d,
            "Deployment",
            f"{d.app}-worker",
            env=(variable(env_name(key), config["metadata"]["name"], key),),
            probe=False,
        ),
    )
    s.mistake((good, path.removesuffix(".key") + ".name", elsewhere))


@fixable(
    "config-key-after-an-old-pull",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "a key is missing now; the loudest event is a failed pull of weeks ago",
    "the key that the ConfigMap has; the image is fine",
    MISLEADING,
)
def old_event(d: Draw, s: Sketch) -> None:
    from gym.catalogue.objects import event

    good, path, _ = lost_key(d, s)
    past = f'Failed to pull image "{d.image(release=d.next_release)}": {d.image(release=d.next_release)}: not found'
    s.stands(event(d, good, "Failed", past, f"2026-0{d.any(7, 8, 9)}-14T09:12:40Z"))
    s.mistake((good, at(good, "image"), d.image(release=d.next_release)))
    s.mistake((good, path, "password"))


# ---------------------------------------------------------------- for a person


@hopeless(
    "config-map-gone",
    FAMILY,
    REFERENCE,
    Tier.KWOK,
    "a ConfigMap was never made, and nobody knows its values",
    "a person has to make it",
)
def gone(d: Draw, s: Sketch) -> None:
    name = f"{d.app}-{d.any('tenants', 'pricing', 'partners')}"
    obj = workload(
        d, d.turn(*SHAPES), env=(variable("PARTNER_ID", name, "id"), variable("PARTNER_URL", name, "url"))
    )
    s.applies(obj)
    s.stands(config_map(d, f"{d.other_app()}-config", {}))
    s.finds(obj, f"ConfigMap `{name}` does not exist")
    s.shows(obj, **kubelet.config_error(d.main, f'configmap "{name}" not found'))


@hopeless(
    "secret-gone",
    FAMILY,
    SECRET,
    Tier.KWOK,
    "a Secret was never made",
    "a person has to make it",
)
def secret(d: Draw, s: Sketch) -> None:
    name = f"{d.app}-{d.any('oauth', 'database', 'smtp', 'signing')}"
    obj = workload(d, d.turn(*SHAPES))
    main(obj)["envFrom"] = [{"secretRef": {"name": name}}]
    s.applies(obj)
    s.finds(obj, f"Secret `{name}` does not exist")
    s.shows(obj, **kubelet.config_error(d.main, f'secret "{name}" not found'))


@hopeless(
    "secret-lacks-a-key",
    FAMILY,
    SECRET,
    Tier.KWOK,
    "a Secret lacks the key that is asked for, and nobody may read which keys it has",
    "a person has to add the key, or say which one is meant",
)
def secret_key(d: Draw, s: Sketch) -> None:
    name, key = f"{d.app}-access", d.turn("client-secret", "refresh-token", "signing-key")
    obj = workload(
        d,
        d.turn(*SHAPES),
        env=({"name": "ACCESS", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}},),
    )
    s.applies(obj)
    s.existing = {"Secret": [{"name": name, "keys": ["client"]}]}
    s.finds(obj, f"Secret `{name}` has no key `{key}`")
    message = f"couldn't find key {key} in Secret {d.namespace}/{name}"
    s.shows(obj, **kubelet.config_error(d.main, message))


SCENARIOS: tuple[Scenario, ...] = (
    lost, renamed, env_from, volume, item, secret_name, decoy, old_event, gone, secret, secret_key,
)  # fmt: skip
