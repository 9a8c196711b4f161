"""etcd, API server, controller manager and scheduler of one instance, each reachable on loopback only."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from gym.build import program
from gym.instance import Instance, free_ports
from gym.paths import GymError
from gym.pki import Authority, write_kubeconfig
from gym.processes import start, wait_ready

ADMIN = "admin"
"""The user of the instance's kubeconfig; member of system:masters."""

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        # The cluster's own machinery would drown everybody else's requests.
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {
            "level": "None",
            "users": ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"],
        },
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*", "/metrics*"]},
        {"level": "Metadata"},
    ],
}


_FAST_CLIENT = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""The defaults (20 a second) stretch the start by three seconds and thousands of pods by minutes."""


def make_credentials(instance: Instance, hosts: tuple[str, ...]) -> Authority:
    """The instance's authority and the certificates of its control plane. `hosts`: the server's addresses."""
    authority = Authority.create(instance.path("pki"), f"intentd-gym-{instance.name}")
    authority.issue(
        "apiserver", "kube-apiserver", hosts=("127.0.0.1", "localhost", "kubernetes.default", *hosts)
    )
    authority.issue("etcd", "etcd", hosts=("127.0.0.1", "localhost"))
    authority.issue("etcd-client", "apiserver-etcd-client")
    authority.issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    authority.issue(ADMIN, "gym-admin", "system:masters")
    authority.issue("controller-manager", "system:kube-controller-manager")
    authority.issue("scheduler", "system:kube-scheduler")
    authority.signing_key("service-account")
    return authority


def start_control_plane(instance: Instance, *, services: str, advertise: str | None, kubelet: bool) -> str:
    """Start all four and wait for the API server; returns its address. GymError with the log that says why.

    `services` is the range of service addresses. `kubelet` says whether a real one will ask the scheduler
    and the controller manager for work quickly enough to matter (their wake-up is the same either way).
    """
    etcd_port, peer_port, api_port, cm_port, scheduler_port = free_ports(5)
    server = f"https://127.0.0.1:{api_port}"
    instance.update(server=server)
    pki = instance.path("pki")
    for user in (ADMIN, "controller-manager", "scheduler"):
        write_kubeconfig(
            kubeconfig(instance, user), server=server, pki=pki, user=user, context=f"gym-{instance.name}"
        )
    etcd = start(instance, "etcd", _etcd(instance, etcd_port, peer_port))
    apiserver = start(
        instance, "kube-apiserver", _apiserver(instance, api_port, etcd_port, services, advertise, kubelet)
    )
    wait_ready(
        instance, etcd, lambda: answers(instance, f"https://127.0.0.1:{etcd_port}/health", "etcd-client"), 30
    )
    wait_ready(instance, apiserver, lambda: answers(instance, f"{server}/readyz"), 60)
    start(instance, "kube-controller-manager", _controller_manager(instance, cm_port, services))
    start(instance, "kube-scheduler", _scheduler(instance, scheduler_port))
    return server


def kubeconfig(instance: Instance, user: str = ADMIN) -> Path:
    """The admin's is `kubeconfig` in the instance's folder; others stand beside the certificates."""
    return instance.path("kubeconfig") if user == ADMIN else instance.path("pki", f"{user}.kubeconfig")


def audit_log(instance: Instance) -> Path:
    return instance.path("logs", "audit.log")


def answers(instance: Instance, url: str, user: str = ADMIN) -> bool:
    """Whether the server says 200 and is ours: its certificate must come from our authority."""
    pki = instance.path("pki")
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:
            return bool(answer.status == 200)
    except ssl.SSLCertVerificationError as error:
        raise GymError(f"{url} is answered by a stranger: {error.verify_message}", "try again") from error
    except (OSError, urllib.error.URLError) as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            raise GymError(f"{url} is answered by somebody else's server", "try again") from error
        return False


def _etcd(instance: Instance, port: int, peer_port: int) -> list[str | Path]:
    pki = instance.path("pki")
    client, peer = f"https://127.0.0.1:{port}", f"https://127.0.0.1:{peer_port}"
    tls = [
        f"--{scope}{option}={pki / file}"
        for scope in ("", "peer-")
        for option, file in (
            ("cert-file", "etcd.crt"),
            ("key-file", "etcd.key"),
            ("trusted-ca-file", "ca.crt"),
        )
    ]
    return [
        program("etcd"),
        f"--name={instance.name}",
        f"--data-dir={instance.path('etcd')}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={instance.name}={peer}",
        "--client-cert-auth",
        "--peer-client-cert-auth",
        *tls,
        "--unsafe-no-fsync",  # the data goes with the instance: nothing here must survive a power cut
        "--log-level=warn",
    ]


def _apiserver(
    instance: Instance, port: int, etcd_port: int, services: str, advertise: str | None, kubelet: bool
) -> list[str | Path]:
    pki = instance.path("pki")
    policy = instance.path("audit-policy.yaml")
    policy.write_text(yaml.safe_dump(_AUDIT_POLICY))
    return [
        program("kube-apiserver"),
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        *([f"--advertise-address={advertise}"] if advertise else []),
        "--endpoint-reconciler-type=none",  # pods here do not call the API server
        f"--etcd-servers=https://127.0.0.1:{etcd_port}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        *([f"--kubelet-certificate-authority={pki / 'ca.crt'}"] if kubelet else []),
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--service-cluster-ip-range={services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--anonymous-auth=false",
        "--profiling=false",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_log(instance)}",
        "--audit-log-maxsize=0",  # never rotated: a proof reads one file from its start
    ]


def _controller_manager(instance: Instance, port: int, services: str) -> list[str | Path]:
    pki = instance.path("pki")
    own = kubeconfig(instance, "controller-manager")
    return [
        program("kube-controller-manager"),
        f"--kubeconfig={own}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
        *_FAST_CLIENT,
        "--node-monitor-period=1s",  # a fresh node loses its not-ready taint at the next look
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-cluster-ip-range={services}",
        f"--cert-dir={instance.path('pki', 'self-signed')}",
        "--profiling=false",
    ]


def _scheduler(instance: Instance, port: int) -> list[str | Path]:
    return [
        program("kube-scheduler"),
        f"--kubeconfig={kubeconfig(instance, 'scheduler')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
        *_FAST_CLIENT,
        f"--cert-dir={instance.path('pki', 'self-signed')}",
        "--profiling=false",
    ]
