"""Provider `existing`: a cluster that the operator names, in namespaces with a prefix that the operator names.

Nothing else of that cluster is touched: no nodes, no cluster roles, no namespace that we did not make.
Our images can't be loaded into it, so scenarios that need real containers do not run here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml
from kubernetes import client
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from gym import cleanup
from gym.instance import Instance
from gym.namespaces import delete_namespace, our_namespaces
from gym.paths import GymError
from gym.processes import kill_all
from gym.providers.base import Capabilities, Report, Status
from gym.ready import api_client

KUBECONFIG = "INTENTD_GYM_KUBECONFIG"
PREFIX = "INTENTD_GYM_NAMESPACE_PREFIX"


class ExistingProvider:
    """Borrowed, never owned."""

    name = "existing"
    capabilities = Capabilities()
    needs: tuple[str, ...] = ()

    def why_not(self) -> str | None:
        if not os.environ.get(KUBECONFIG) or not os.environ.get(PREFIX):
            return f"no cluster was named: set {KUBECONFIG} and {PREFIX}"
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-", os.environ[PREFIX]):
            return f"{PREFIX} must be lower-case letters, digits and dashes, and end with a dash"
        return None

    def up(self, instance: Instance, report: Report) -> None:
        report("the named cluster")
        named = Path(os.environ[KUBECONFIG]).absolute()
        try:
            with api_client(named) as api:
                version = client.VersionApi(api).get_code(_request_timeout=10)
                server = str(api.configuration.host)
        except (OSError, ConfigException, client.ApiException, HTTPError, yaml.YAMLError) as error:
            raise GymError(
                f"the cluster of {named} does not answer: {_first_line(error)}", KUBECONFIG
            ) from error
        report(f"Kubernetes {version.git_version}")
        instance.update(prefix=os.environ[PREFIX], server=server)
        # A link, not a copy: relative paths and rotated credentials in it stay right.
        instance.path("kubeconfig").symlink_to(named)

    def down(self, instance: Instance, report: Report) -> None:
        report("namespaces")
        if instance.path("kubeconfig").exists():
            with api_client(instance.path("kubeconfig")) as api:
                for name in our_namespaces(api, instance):
                    delete_namespace(api, instance, name)
        kill_all(instance)  # an Ollama that was started beside it
        cleanup.remove_home(instance)

    def status(self, instance: Instance) -> Status:
        server = str(instance.read().get("server", ""))
        up = False
        if instance.path("kubeconfig").exists():
            try:
                with api_client(instance.path("kubeconfig")) as api:
                    client.VersionApi(api).get_code(_request_timeout=5)
                up = True
            except (OSError, ConfigException, client.ApiException, HTTPError, yaml.YAMLError):
                up = False
        kubeconfig = str(instance.path("kubeconfig")) if up else ""
        left = () if up or not instance.exists else (f"folder {instance.home}",)
        return Status(instance.name, self.name, up, server, kubeconfig, leftovers=left)

    def load_image(self, instance: Instance, archive: Path) -> None:
        raise GymError(f"{archive.name} can't be loaded: the cluster of {instance.name} is not ours")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
