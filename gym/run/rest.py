"""Objects of any kind as plain JSON, by REST: what a kind is called in an address is asked of the API server once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from kubernetes import client

Json = dict[str, Any]

SECONDS = 15
"""Limit of one request."""

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
BAD, ABSENT = 400, 404


class Refused(Exception):  # noqa: N818 - says what it is
    """The API server's no, with its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rest:
    """Requests over the connections of a client that proves itself by certificate, as the gym's administrators do.
    Raises Refused where the server says no, urllib3's HTTPError where it does not answer."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._resources: dict[str, Mapping[str, tuple[str, bool]]] = {}

    def namespaced(self, version: str, kind: str) -> bool:
        """Whether objects of the kind live in namespaces. Refused (404) where the server has no such kind."""
        return self._resource(version, kind)[1]

    def create(self, obj: Json, namespace: str = "default") -> Json:
        """Create an object; `namespace` where it names none itself."""
        metadata = obj.get("metadata", {})
        path = self._path(obj["apiVersion"], obj["kind"], metadata.get("namespace") or namespace)
        return self._call("POST", path, obj)

    def get(self, version: str, kind: str, namespace: str, name: str) -> Json | None:
        """The object, None where there is none."""
        try:
            return self._call("GET", f"{self._path(version, kind, namespace)}/{quote(name)}")
        except Refused as error:
            if error.status == ABSENT:
                return None
            raise

    def list(self, version: str, kind: str, namespace: str | None = None, labels: str = "") -> Iterator[Json]:
        """All objects of a kind, each with its kind and version; of one namespace where it is named."""
        query = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        for item in self._call("GET", self._path(version, kind, namespace) + query)["items"]:
            yield {"apiVersion": version, "kind": kind, **item}

    def delete(self, version: str, kind: str, namespace: str, name: str, *, grace: int | None = 0) -> None:
        """Delete it and what it owns; nothing where it is gone."""
        options: Json = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self._call("DELETE", f"{self._path(version, kind, namespace)}/{quote(name)}", options)
        except Refused as error:
            if error.status != ABSENT:
                raise

    def delete_all(self, version: str, kind: str, namespace: str) -> None:
        """Delete every object of a kind in a namespace."""
        self._call("DELETE", self._path(version, kind, namespace), {"gracePeriodSeconds": 0})

    def patch(self, obj: Json, change: Json, content: str = STRATEGIC) -> Json:
        """Change an object."""
        return self._call("PATCH", self._address(obj), change, content=content)

    def patch_status(self, obj: Json, status: Json) -> Json:
        """Merge into an object's status (lists are replaced)."""
        return self._call("PATCH", f"{self._address(obj)}/status", {"status": status}, content=MERGE)

    # ------------------------------------------------------------ addresses

    def _address(self, obj: Json) -> str:
        metadata = obj["metadata"]
        path = self._path(obj["apiVersion"], obj["kind"], metadata.get("namespace"))
        return f"{path}/{quote(metadata['name'])}"

    def _path(self, version: str, kind: str, namespace: str | None) -> str:
        plural, namespaced = self._resource(version, kind)
        where = f"/namespaces/{quote(namespace)}" if namespaced and namespace else ""
        return f"{_root(version)}{where}/{plural}"

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        if version not in self._resources:
            told = self._call("GET", _root(version))["resources"]
            self._resources[version] = {
                one["kind"]: (one["name"], one["namespaced"]) for one in told if "/" not in one["name"]
            }
        found = self._resources[version].get(kind)
        if found is None:
            raise Refused(ABSENT, f"the server has no {kind} in {version}")
        return found

    def _call(
        self, verb: str, path: str, body: Json | None = None, *, content: str = "application/json"
    ) -> Json:
        headers = {"Accept": "application/json", "Content-Type": content}
        answer = self._api.rest_client.pool_manager.request(
            verb,
            self._api.configuration.host + path,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            timeout=SECONDS,
            retries=False,
        )
        if answer.status >= BAD:
            raise Refused(answer.status, _said(answer.data, answer.reason))
        told: Json = json.loads(answer.data)
        return told


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _said(body: bytes, reason: str | None) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(reason)
