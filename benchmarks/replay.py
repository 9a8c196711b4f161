"""A server on loopback that answers like an API server with more pods than this machine can keep alive.

It records the lists of a real kwok cluster and serves them with the pods multiplied: each copy has a name,
uid, resourceVersion, address and ReplicaSet of its own, so that nothing is shared that a real cluster would
not share. Answers are packed, paged by 500; watches stay open and send bookmarks. A process of its own.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from daemon.kube.kinds import RESOURCES
from detectors.watched import FACT_TYPES
from gym.ready import api_client

PAGE = 500
VERSION = "9000000"
Json = dict[str, Any]


def record(kubeconfig: Path) -> dict[str, Json]:
    """The watched lists by path, as the real server sends them; a kind that it does not know is left out."""
    found = {}
    with api_client(kubeconfig) as api:
        for kind in FACT_TYPES:
            path = RESOURCES[kind].collection("")
            reply = api.call_api(
                "GET", api.configuration.host + path, header_params={"Accept": "application/json"}
            )
            if reply.response.status == 404 and RESOURCES[kind].optional:
                continue
            found[path] = json.loads(reply.response.read())
    return found


def multiply(lists: dict[str, Json], pods: int) -> None:
    """Copy pods with their ReplicaSets and Deployments until there are at least so many, in place."""
    pod_list, sets, deployments = (
        lists[RESOURCES[kind].collection("")]["items"] for kind in ("Pod", "ReplicaSet", "Deployment")
    )
    originals = [list(items) for items in (pod_list, sets, deployments)]
    copy = 0
    while len(pod_list) < pods:
        copy += 1
        for items, sources in zip((pod_list, sets, deployments), originals, strict=True):
            items += [_copied(item, copy) for item in sources]
    del pod_list[pods:]


COUNTS = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "fullyLabeledReplicas")


def widen(lists: dict[str, Json], pods: int, nodes: int) -> None:
    """Copy pods within their ReplicaSets until there are so many, and spread them over so many nodes, in place: the
    same workloads, grown, with counts that agree."""
    pod_list, sets, deployments, node_list = (
        lists[RESOURCES[kind].collection("")]["items"] for kind in ("Pod", "ReplicaSet", "Deployment", "Node")
    )
    originals, copy = list(pod_list), 0
    while len(pod_list) < pods:
        copy += 1
        pod_list += [_twin(item, copy) for item in originals]
    del pod_list[pods:]
    model, node_list[:] = node_list[0], []
    for number in range(nodes):
        name = f"node-{number:03d}"
        twin: Json = json.loads(json.dumps(model).replace(model["metadata"]["name"], name))
        twin["metadata"] |= {"uid": f"{number:08x}-node", "resourceVersion": str(8_000_000 + number)}
        twin["spec"] = {}
        twin["status"]["allocatable"] |= {"pods": "110"}
        node_list.append(twin)
    for number, pod in enumerate(pod_list):
        shift = number // len(originals)  # so that the copies of one pod do not meet on one node
        pod["spec"]["nodeName"] = f"node-{(number + shift) % nodes:03d}"
    owned = Counter(pod["metadata"]["ownerReferences"][0]["uid"] for pod in pod_list)
    grown: Counter[str] = Counter()
    for item in sets:
        _grow(item, owned[item["metadata"]["uid"]])
        grown[item["metadata"]["ownerReferences"][0]["uid"]] += owned[item["metadata"]["uid"]]
    for item in deployments:
        _grow(item, grown[item["metadata"]["uid"]])


def _grow(item: Json, count: int) -> None:
    item["spec"]["replicas"] = count
    item["status"] |= {name: count for name in COUNTS if name in item["status"]}


def _twin(pod: Json, copy: int) -> Json:
    """Another pod of the same ReplicaSet."""
    twin: Json = json.loads(json.dumps(pod))
    meta = twin["metadata"]
    meta["uid"] = f"{copy:08x}{meta['uid'][8:]}"
    meta["name"] = f"{meta['name']}-{copy}"
    meta["resourceVersion"] = str(int(meta["resourceVersion"]) + copy * 1_000_000)
    twin["status"]["podIP"] = f"10.{100 + copy % 100}." + twin["status"]["podIP"].split(".", 2)[2]
    return twin


class Events:
    """Lines of a pod watch, so many a second: each time another pod, whose status was written again."""

    def __init__(self, pods: list[Json], a_second: int) -> None:
        self._pods, self.a_second, self.sent = pods, a_second, 0

    def due(self, since: float) -> Iterator[bytes]:
        """What should have been sent after so many seconds and was not yet."""
        while self.a_second and self.sent < since * self.a_second:
            self.sent += 1
            pod = self._pods[self.sent * 7919 % len(self._pods)]
            meta = {**pod["metadata"], "resourceVersion": str(int(VERSION) + self.sent)}
            said = {"type": "MODIFIED", "object": {**pod, "metadata": meta}}
            yield json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _copied(item: Json, copy: int) -> Json:
    meta = item["metadata"]
    text = json.dumps(item)
    for uid in {meta["uid"], *(owner["uid"] for owner in meta.get("ownerReferences", ()))}:
        text = text.replace(uid, f"{copy:08x}{uid[8:]}")
    twin: Json = json.loads(text)
    meta = twin["metadata"]
    meta["name"] = f"{meta['name']}-{copy}"
    meta["resourceVersion"] = str(int(meta["resourceVersion"]) + copy * 1_000_000)
    for owner in meta.get("ownerReferences", ()):
        owner["name"] = f"{owner['name']}-{copy}"
    for key in ("podIP", "hostIP"):
        if key in twin.get("status", {}):
            twin["status"][key] = f"10.{100 + copy}." + twin["status"][key].split(".", 2)[2]
    return twin


def pages_of(document: Json) -> list[bytes]:
    items = document["items"]
    pages = []
    for start in range(0, max(1, len(items)), PAGE):
        meta = {"resourceVersion": VERSION}
        if start + PAGE < len(items):
            meta["continue"] = str(start // PAGE + 1)
        page = {**document, "metadata": meta, "items": items[start : start + PAGE]}
        pages.append(gzip.compress(json.dumps(page, separators=(",", ":")).encode(), 1))
    return pages


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[str, list[bytes]]
    items: dict[str, Json]  # Deployments by path: what is read one by one, to remember it as known good
    events: Events | None = None  # for the watch of pods

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        pages = self.pages.get(url.path)
        if (item := self.items.get(url.path)) is not None:
            self._answer(200, gzip.compress(json.dumps(item).encode(), 1))
        elif pages is None:
            self._answer(404, b"{}")
        elif query.get("watch"):
            pods = url.path == RESOURCES["Pod"].collection("")
            self._watch(float(query.get("timeoutSeconds", "60")), self.events if pods else None)
        elif "limit" in query:
            self._answer(200, pages[int(query.get("continue", "0"))])
        else:
            self._answer(200, self._whole(pages))

    def _whole(self, pages: list[bytes]) -> bytes:
        documents = [json.loads(gzip.decompress(page)) for page in pages]
        items = [item for document in documents for item in document["items"]]
        whole = {**documents[0], "metadata": {"resourceVersion": VERSION}, "items": items}
        return gzip.compress(json.dumps(whole, separators=(",", ":")).encode(), 1)

    def _answer(self, status: int, packed: bytes) -> None:
        wanted = "gzip" in self.headers.get("Accept-Encoding", "") and status == 200
        body = packed if wanted or status != 200 else gzip.decompress(packed)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if wanted:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, seconds: float, events: Events | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": VERSION}}}
        line = json.dumps(bookmark).encode() + b"\n"
        begin = time.monotonic()
        sent_before = events.sent / max(1, events.a_second) if events else 0.0
        while (since := time.monotonic() - begin) < seconds:
            if events is None:
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                time.sleep(min(5.0, seconds - since))
                continue
            for said in events.due(sent_before + since):
                self.wfile.write(f"{len(said):x}\r\n".encode() + said + b"\r\n")
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # who asked has gone: no mistake of ours
            super().handle_error(request, client_address)


def main(kubeconfig: Path, pods: int, target: Path, nodes: int = 0, events: int = 0) -> None:
    """Serve until killed; `target` is the kubeconfig to write for whoever asks. With `nodes` the recorded workloads
    grow; without, they are multiplied. `events` a second are sent to who watches pods."""
    lists = record(kubeconfig)
    if nodes:
        widen(lists, pods, nodes)
    else:
        multiply(lists, pods)
    if events:
        Handler.events = Events(lists[RESOURCES["Pod"].collection("")]["items"], events)
    deployments = RESOURCES["Deployment"]
    Handler.items = {
        deployments.item(meta["namespace"], meta["name"]): {
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            **item,
        }
        for item in lists[deployments.collection("")]["items"]
        for meta in [item["metadata"]]
    }
    Handler.pages = {path: pages_of(document) for path, document in lists.items()}
    server = _Server(("127.0.0.1", 0), Handler)
    target.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "replay",
                "contexts": [{"name": "replay", "context": {"cluster": "replay", "user": "u"}}],
                "clusters": [
                    {"name": "replay", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
                ],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    sys.stderr.write(json.dumps({"event": "running"}) + "\n")
    sys.stderr.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:6]))
