"""Finding the API server and our credentials, through the official package.

The package is imported late: it costs about 0.4 s and 20 MB, which `intentd check` need not pay. Its ways
that do not suit a daemon are turned off or worked around here:

- it rewrites the operator's kubeconfig on refresh (`persist_config`): off;
- it retries by urllib3's defaults, DELETE included: off, writes are never repeated by a library;
- it logs the failure of an exec plugin and goes on without credentials: the log line is kept and told;
- it reads `tokenFile` only once: `renew` reads everything again, and is called on every 401.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.kube.errors import ClusterError
from detectors.model import Turn

USER_AGENT = "intentd"


class _Heard(logging.Handler):
    """Collects what the package only logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split())[:300])


class Connection:
    """An ApiClient that can be made anew when its credentials have expired.

    `generation` counts renewals: several threads that meet a 401 together renew once.
    """

    def __init__(self, load: Callable[[Any], None], where: str) -> None:
        self._load = load
        self._where = where
        self._lock = threading.Lock()
        self.generation = 0
        self.hint = ""
        self._client = self._make()

    @property
    def host(self) -> str:
        """The server's address as people know it."""
        return str(self._client.configuration.host)

    @property
    def client(self) -> Any:
        """The ApiClient of this generation."""
        return self._client

    def headers(self) -> dict[str, str]:
        """User agent and, where there is one, the bearer token; the package's hook renews what expires."""
        headers = {"User-Agent": USER_AGENT}
        token = self._client.configuration.auth_settings().get("BearerToken")
        if token and token["value"]:
            headers["Authorization"] = str(token["value"])
        return headers

    def renew(self, seen: int) -> None:
        """Read configuration and credentials again, unless somebody has since generation `seen`.

        Raises ClusterError where they cannot be read."""
        with self._lock:
            if seen != self.generation:
                return
            fresh = self._make()
            old, self._client = self._client, fresh
            self.generation += 1
            old.close()

    def close(self) -> None:
        """Drop idle connections."""
        self._client.close()

    def _make(self) -> Any:
        from kubernetes.client import ApiClient, Configuration
        from kubernetes.config import ConfigException
        from yaml import YAMLError

        configuration = Configuration()
        heard = _Heard()
        root = logging.getLogger()
        root.addHandler(heard)
        try:
            self._load(configuration)
        except ConfigException as error:
            raise _unusable(self._where, str(error)) from error
        except (OSError, ValueError, KeyError, TypeError, YAMLError) as error:
            raise _unusable(self._where, f"{type(error).__name__}: {error}") from error
        finally:
            root.removeHandler(heard)
        has = configuration.api_key or configuration.cert_file
        self.hint = "" if has else "; ".join(heard.lines)
        configuration.retries = False
        configuration.keep_alive = True
        # Seven watched kinds a namespace (or seven in all) and a few reads; opened only when needed.
        configuration.connection_pool_maxsize = 64
        return ApiClient(configuration)


def connect(
    kubeconfig: str | Path | None = None, context: str | None = None, *, in_cluster: bool = False
) -> Connection:
    """Where `kubeconfig` is None: in-cluster where asked or where this is a pod without a kubeconfig, else
    KUBECONFIG, else ~/.kube/config.

    Raises ClusterError with the remedy where nothing usable is found. Does not talk to the server.
    """
    paths = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or "~/.kube/config"
    present = any(Path(part).expanduser().exists() for part in paths.split(os.pathsep) if part)
    if in_cluster or (not kubeconfig and not present and "KUBERNETES_SERVICE_HOST" in os.environ):
        return Connection(_load_in_cluster, "the pod's service account")
    if not present:
        raise ClusterError(
            f"no kubeconfig at {paths}, and this is not a pod",
            turn=Turn.OPERATOR,
            reason="Invalid",
            remedy="give kubernetes.kubeconfig in the settings, or set KUBECONFIG",
        )

    def load(configuration: Any) -> None:
        from kubernetes.config import load_kube_config

        load_kube_config(
            config_file=paths, context=context, client_configuration=configuration, persist_config=False
        )

    return Connection(load, paths)


def _load_in_cluster(configuration: Any) -> None:
    from kubernetes.config import load_incluster_config

    load_incluster_config(client_configuration=configuration)


def _unusable(where: str, said: str) -> ClusterError:
    """The package's own sentence, with a remedy for the two that people meet most."""
    remedy = "check the file with `kubectl config view`"
    if "/contexts list" in said:
        remedy = "choose one of `kubectl config get-contexts`, or give kubernetes.context in the settings"
    elif "current-context" in said:
        remedy = "run `kubectl config use-context`, or give kubernetes.context in the settings"
    elif "token file" in said.lower():
        remedy = "mount the service account's token (automountServiceAccountToken)"
    return ClusterError(
        f"{where} cannot be used: {' '.join(said.split())}",
        turn=Turn.OPERATOR,
        reason="Invalid",
        remedy=remedy,
    )
