"""Which fields are ordinary, and why the others are not.

Two closed tables. `ORDINARY` lists what an intent may open freely, within its bounds. Whatever is not in it is
sensitive: it may only go back to what the object had while it was healthy. `REASONS` gives the sensitive ones
a name that people recognise, and wins over `ORDINARY`. A field that a future Kubernetes adds is in neither
and therefore sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from intents.fields import ANY, FieldPath, covers, parse_path
from remediation.merge_keys import in_free_map

_POD = "spec.template.spec"
_CONTAINER = f"{_POD}.containers[*]"
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_FIELDS = (
    "httpGet.path", "httpGet.port", "httpGet.scheme", "tcpSocket.port", "grpc.port", "grpc.service",
    "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold",
    "terminationGracePeriodSeconds",
)  # fmt: skip
_WORKLOAD = (
    "spec.replicas", "spec.minReadySeconds", "spec.progressDeadlineSeconds", "spec.revisionHistoryLimit",
    "spec.paused", "spec.strategy.type", "spec.strategy.rollingUpdate.*", "spec.updateStrategy.type",
    "spec.updateStrategy.rollingUpdate.*", "metadata.labels.*", "spec.template.metadata.labels.*",
    f"{_POD}.nodeSelector.*", f"{_POD}.terminationGracePeriodSeconds",
    f"{_POD}.volumes[*].configMap.name", f"{_POD}.volumes[*].configMap.items",
    f"{_POD}.volumes[*].configMap.optional", f"{_POD}.volumes[*].configMap.defaultMode",
    f"{_POD}.volumes[*].emptyDir.sizeLimit",
    f"{_CONTAINER}.image", f"{_CONTAINER}.imagePullPolicy", f"{_CONTAINER}.envFrom",
    f"{_CONTAINER}.resources.limits.*", f"{_CONTAINER}.resources.requests.*",
    f"{_CONTAINER}.env[*]", f"{_CONTAINER}.env[*].value",
    f"{_CONTAINER}.env[*].valueFrom.configMapKeyRef.name", f"{_CONTAINER}.env[*].valueFrom.configMapKeyRef.key",
    f"{_CONTAINER}.env[*].valueFrom.configMapKeyRef.optional",
    f"{_CONTAINER}.ports[*]", f"{_CONTAINER}.ports[*].name",
    *(f"{_CONTAINER}.{probe}.{leaf}" for probe in PROBES for leaf in _PROBE_FIELDS),
)  # fmt: skip
_STATEFUL_SET = ("spec.serviceName", "spec.podManagementPolicy")
_JOB = (
    "spec.parallelism", "spec.completions", "spec.backoffLimit", "spec.activeDeadlineSeconds",
    "spec.ttlSecondsAfterFinished", "spec.suspend",
)  # fmt: skip
_CLAIM = ("metadata.labels.*", "spec.storageClassName", "spec.accessModes", "spec.resources.requests.*")


def _of_a_pod(paths: Iterable[str]) -> tuple[str, ...]:
    """The pod's part of a workload's table, as it stands in a Pod itself."""
    inside = (path.removeprefix("spec.template.") for path in paths if path.startswith("spec.template."))
    return tuple(dict.fromkeys(inside))


ORDINARY: dict[str, tuple[FieldPath, ...]] = {
    **{kind: tuple(map(parse_path, _WORKLOAD)) for kind in ("Deployment", "DaemonSet")},
    "StatefulSet": tuple(map(parse_path, (*_WORKLOAD, *_STATEFUL_SET))),
    "Job": tuple(map(parse_path, ("metadata.labels.*", *_JOB, *(p for p in _WORKLOAD if ".template." in p)))),
    "Pod": tuple(map(parse_path, _of_a_pod(_WORKLOAD))),
    "PersistentVolumeClaim": tuple(map(parse_path, _CLAIM)),
    "Service": tuple(
        map(
            parse_path,
            ("metadata.labels.*", "spec.selector.*", "spec.ports[*].targetPort", "spec.ports[*].name"),
        )
    ),
    "ConfigMap": tuple(map(parse_path, ("metadata.labels.*", "data.*"))),
}

REASONS = {
    "privileged": "Privileged",
    "securityContext": "SecurityContext",
    "capabilities": "Capabilities",
    "hostNetwork": "HostNamespace",
    "hostPID": "HostNamespace",
    "hostIPC": "HostNamespace",
    "hostUsers": "HostNamespace",
    "hostProcess": "HostNamespace",
    "shareProcessNamespace": "HostNamespace",
    "hostPort": "HostPort",
    "hostIP": "HostPort",
    "hostPath": "HostPath",
    "serviceAccountName": "ServiceAccount",
    "serviceAccount": "ServiceAccount",
    "automountServiceAccountToken": "ServiceAccount",
    "projected": "ServiceAccount",
    "command": "Command",
    "args": "Command",
    "exec": "Command",
    "lifecycle": "Command",
    "initContainers": "InitContainer",
    "ephemeralContainers": "InitContainer",
    "secret": "Secret",
    "secretName": "Secret",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
    "imagePullSecrets": "Secret",
    "csi": "Secret",
    "tolerations": "Placement",
    "nodeName": "Placement",
    "schedulerName": "Placement",
    "priorityClassName": "Placement",
    "runtimeClassName": "Placement",
    "volumeMounts": "Mount",
    "volumeDevices": "Mount",
    "volumeClaimTemplates": "Mount",
    "persistentVolumeClaim": "Mount",
    "hostAliases": "Traffic",
    "dnsConfig": "Traffic",
    "dnsPolicy": "Traffic",
    "externalIPs": "Traffic",
    "externalName": "Traffic",
    "loadBalancerIP": "Traffic",
    "annotations": "Annotation",
}
"""Field names, wherever they stand outside of maps with free keys."""

ESCALATING = frozenset(
    {"privileged", "hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostPath", "capabilities", "procMount"}
    | {"hostProcess"}
)
"""What not even an intent's own manifest creates: it would hand a container the node."""

DIVERTING = frozenset({"externalIPs"})
"""The same of a Service: it would take traffic of the whole cluster to those addresses (CVE-2020-8554)."""


def _end(path: FieldPath) -> str:
    return path[-1] if path and isinstance(path[-1], str) else ANY


def _by_end(patterns: Iterable[FieldPath]) -> dict[tuple[int, str], list[FieldPath]]:
    """The table by each pattern's length and last name, so that few are compared; those that end in any name or
    element stand under ANY."""
    found: dict[tuple[int, str], list[FieldPath]] = {}
    for pattern in patterns:
        found.setdefault((len(pattern), _end(pattern)), []).append(pattern)
    return found


_BY_END = {kind: _by_end(patterns) for kind, patterns in ORDINARY.items()}

LOADS_CODE = (
    r"LD_[A-Z_]{1,40}|DYLD_[A-Z_]{1,40}|PATH|GCONV_PATH|LOCPATH|NLSPATH|GLIBC_TUNABLES"
    r"|BASH_ENV|BASH_FUNC_[^=]{1,80}|BASHOPTS|SHELLOPTS|ENV|SHELL|IFS|PS4|PROMPT_COMMAND|ZDOTDIR"
    r"|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|[A-Z][A-Z0-9_]{1,40}_OPTS"
    r"|NODE_OPTIONS|NODE_PATH|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|NODE_REPL_EXTERNAL_MODULE"
    r"|DOTNET_(?:STARTUP_HOOKS|ADDITIONAL_DEPS|SHARED_STORE|ROOT)|(?:CORECLR|COR)_[A-Z0-9_]{1,40}"
    r"|ASPNETCORE_HOSTINGSTARTUPASSEMBLIES"
    r"|PYTHON[A-Z]{1,20}|RUBYOPT|RUBYLIB|GEM_(?:PATH|HOME)|BUNDLE_[A-Z_]{1,40}|PERL5(?:OPT|LIB|DB)|PERLLIB"
    r"|PHP_INI_SCAN_DIR|PHPRC|LUA_(?:INIT|PATH|CPATH)[0-9_]{0,8}|ERL_(?:A|Z)?FLAGS|ERL_LIBS"
    r"|R_(?:PROFILE|ENVIRON|LIBS)[A-Z_]{0,10}|GIT_[A-Z_]{1,40}"
    r"|SSL_CERT_(?:FILE|DIR)|OPENSSL_(?:CONF|MODULES|ENGINES)|[A-Z]{1,20}_CA_BUNDLE"
    r"|[A-Za-z]{2,8}_(?:PROXY|proxy)|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS"
    r"|KUBERNETES_[A-Z_]{1,40}|KUBECONFIG|DOCKER_HOST|AWS_(?:ENDPOINT_URL|CONTAINER)[A-Z0-9_]{0,40}"
    r"|AWS_(?:CONFIG_FILE|SHARED_CREDENTIALS_FILE|WEB_IDENTITY_TOKEN_FILE|ROLE_ARN)"
    r"|GOOGLE_APPLICATION_CREDENTIALS|AZURE_(?:AUTHORITY_HOST|FEDERATED_TOKEN_FILE)"
    r"|VAULT_(?:ADDR|CACERT|CAPATH|SKIP_VERIFY)"
)
"""Names of such variables, in the part of regular expressions that RE2 has too (the API server matches them). The
well-known ones of loaders, shells, runtimes, trust and identity; no list of such names can be complete."""

_LOADS_CODE = re.compile(LOADS_CODE, re.ASCII)


def ordinary(kind: str, path: FieldPath) -> bool:
    """Whether the table lists this very field."""
    by_end = _BY_END.get(kind, {})
    patterns = [*by_end.get((len(path), _end(path)), ()), *by_end.get((len(path), ANY), ())]
    return any(covers(pattern, path) for pattern in patterns)


def named_reason(path: FieldPath) -> str | None:
    """The first name on the way that makes the field sensitive. Keys that people chose themselves (a label
    called `secret`) are no field names."""
    named = [REASONS[name] for name in path if isinstance(name, str) and name in REASONS]
    if named and path[-1] in REASONS and in_free_map(path):
        named.pop()
    return named[0] if named else None


@lru_cache(maxsize=1024)  # a plan's few variables, asked for in each container
def loads_code(variable: str) -> bool:
    """Whether an environment variable of this name decides which code runs, or where traffic goes: setting
    it is as good as changing the command."""
    return _LOADS_CODE.fullmatch(variable) is not None


OWNING = ("instance", "managed-by")
"""Names under `app.kubernetes.io/` that say whose an object is."""


def owns_something(label: str) -> bool:
    """Whether a label is a controller's (`argocd.argoproj.io/instance`) rather than the application's. By
    `app.kubernetes.io/instance` Argo CD tells whose an object is: with another value it is the next application's
    to prune."""
    prefix, slash, name = label.partition("/")
    return bool(slash) and (prefix != "app.kubernetes.io" or name in OWNING)
