"""Programs that end by themselves for reasons that no change of theirs would end."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import Scenario, hopeless
from gym.catalogue.crashes import CRASH, FAMILY, database
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    SHAPES,
    main,
    workload,
)
from gym.catalogue.sketch import Sketch


@hopeless(
    "program-panics",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "the program panics on its own data, and nothing was changed",
    "a developer has to look at it",
)
def panic(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    s.applies(obj)
    place = f"{d.any('cursor', 'ledger', 'merge')}.go:{d.any(88, 141, 203)}"
    log = (
        f"panic: runtime error: index out of range [4] with length 4\n\ngoroutine 1 [running]:\nmain.run()\n"
        f"\t/src/{place} +0x1d4"
    )
    s.finds(obj, f"The program panics at `{place}`")
    s.shows(obj, **kubelet.crashes(d.main, log, 2))


@hopeless(
    "partner-away",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a service outside of the cluster is down",
    "a person has to talk to the partner",
)
def partner(d: Draw, s: Sketch) -> None:
    host = d.turn("api.payments.example", "rates.bank.example", "sms.gateway.example")
    obj = workload(d, d.turn(*SHAPES), env=({"name": "PARTNER_URL", "value": f"https://{host}/v2"},))
    s.applies(obj)
    s.finds(obj, f"`{host}` answers 503")
    said = f"https://{host}/v2/session: 503 Service Unavailable (scheduled maintenance), giving up after 10 attempts"
    s.shows(obj, **kubelet.crashes(d.main, d.log("opening a session", said)))


@hopeless(
    "certificate-expired",
    FAMILY,
    "CrashLoop CertificateExpiring",
    Tier.KWOK,
    "the certificate that a database shows has expired",
    "a person has to renew it",
)
def certificate(d: Draw, s: Sketch) -> None:
    runs, serves, program, port = database(d)
    host = serves["metadata"]["name"]
    obj = workload(d, d.turn(*SHAPES), env=({"name": "STORE_ADDRESS", "value": f"{host}:{port}"},))
    s.applies(obj)
    s.stands(runs, serves)
    s.finds(obj, f"The certificate of `{host}` has expired")
    said = (
        f"{program}: {host}:{port}: tls: failed to verify certificate: x509: certificate has expired or is not yet "
        "valid: current time is after 2026-11-01T00:00:00Z"
    )
    s.shows(obj, **kubelet.crashes(d.main, d.log(said)))


@hopeless(
    "password-refused",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "the database refuses the password",
    "a person has to renew the credentials",
)
def password(d: Draw, s: Sketch) -> None:
    runs, serves, program, _ = database(d)
    role = d.app.replace("-", "_")
    reference = {"secretKeyRef": {"name": f"{d.app}-login", "key": "password"}}
    obj = workload(d, d.turn(*SHAPES), env=({"name": "STORE_PASSWORD", "valueFrom": reference},))
    s.applies(obj)
    s.stands(runs, serves)
    s.existing = {"Secret": [{"name": f"{d.app}-login", "keys": ["password"]}]}
    s.finds(obj, f"The database refuses the password of user `{role}`")
    s.shows(
        obj, **kubelet.crashes(d.main, d.log(f'{program}: password authentication failed for user "{role}"'))
    )


@hopeless(
    "rights-denied",
    FAMILY,
    "RightsDenied CrashLoop",
    Tier.KWOK,
    "the program may not read what it needs of the Kubernetes API",
    "a person has to decide whether it should be granted",
)
def rights(d: Draw, s: Sketch) -> None:
    resource = d.turn("leases", "endpointslices", "configmaps")
    obj = workload(d, d.turn("Deployment", "DaemonSet"))
    obj["spec"]["template"]["spec"]["serviceAccountName"] = f"{d.app}-agent"
    main(obj)["terminationMessagePolicy"] = "FallbackToLogsOnError"
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": f"{d.app}-agent", "namespace": d.namespace},
    }
    s.applies(obj)
    s.stands(account)
    s.finds(obj, f"`{d.app}-agent` may not list `{resource}`")
    said = (
        f'{resource} is forbidden: User "system:serviceaccount:{d.namespace}:{d.app}-agent" cannot list resource '
        f'"{resource}" in the namespace "{d.namespace}"'
    )
    s.shows(obj, **kubelet.crashes(d.main, d.log(said), last_words=said))


@hopeless(
    "volume-full",
    FAMILY,
    "CrashLoop VolumeFilling",
    Tier.KWOK,
    "the volume is full",
    "a person has to make space or enlarge it",
)
def full(d: Draw, s: Sketch) -> None:
    obj = workload(d, "StatefulSet")
    spec = obj["spec"]["template"]["spec"]
    folder = f"/var/lib/{d.app}"
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": f"{d.app}-data"}}]
    main(obj)["volumeMounts"] = [{"name": "data", "mountPath": folder}]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{d.app}-data", "namespace": d.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    s.applies(obj)
    s.stands(claim)
    file = f"{folder}/{d.any('wal/000041', 'journal', 'segment-7')}"
    s.finds(obj, f"No space is left for `{file}`")
    s.shows(obj, **kubelet.crashes(d.main, d.log(f"write {file}: no space left on device"), 1))


SCENARIOS: tuple[Scenario, ...] = (
    panic, partner, certificate, password, rights, full,
)  # fmt: skip
