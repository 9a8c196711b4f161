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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from daemon.kube.kinds import RESOURCES
from detectors.facts import FACT_TYPES
from gym.ready import api_client

PAGE = 500
VERSION = "9000000"
Json = dict[str, Any]


def record(kubeconfig: Path) -> dict[str, Json]:
    """The seven watched lists by path, as the real server sends them."""
    found = {}
    with api_client(kubeconfig) as api:
        for kind in FACT_TYPES:
            path = RESOURCES[kind].collection("")
            reply = api.call_api(
                "GET", api.configuration.host + path, header_params={"Accept": "application/json"}
            )
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

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        pages = self.pages.get(url.path)
        if pages is None:
            self._answer(404, b"{}")
        elif query.get("watch"):
            self._watch(float(query.get("timeoutSeconds", "60")))
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

    def _watch(self, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        line = (
            json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": VERSION}}}).encode()
            + b"\n"
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            time.sleep(5)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def main(kubeconfig: Path, pods: int, target: Path) -> None:
    """Serve until killed; `target` is the kubeconfig to write for whoever asks."""
    lists = record(kubeconfig)
    multiply(lists, pods)
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
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
