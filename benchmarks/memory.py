"""Memory of the real `intentd run` with 20,000 pods, beside a process that holds the same as typed objects.

Where a kwok cluster of that size would take too long to fill, the lists of a smaller one are recorded and
multiplied (benchmarks/replay.py): same bytes an object, nothing shared that a real cluster would not share.
RSS is what the kernel says, MB = 10^6 bytes, after `settle` seconds of looks and jobs; the peak is VmHWM.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.crowd import Say, bench_cluster, fill, intents, namespaces
from benchmarks.figures import Figure, tell
from benchmarks.process import daemon, program

RECORDED = 5000


def measure(instance: str, pods: int, settle: float, output: str, say: Say) -> None:
    with bench_cluster(instance, say) as running, tempfile.TemporaryDirectory() as scratch:
        fill(running, RECORDED, say)
        folder = Path(scratch)
        kubeconfig = folder / "replay"
        replay = [
            sys.executable,
            "-m",
            "benchmarks.replay",
            str(running.kubeconfig),
            str(pods),
            str(kubeconfig),
        ]
        load = os.getloadavg()[0]
        with program(replay) as server:
            server.wait_for(600, event="running")
            say("intentd")
            with daemon(running, folder / "ours", intents(namespaces()), kubeconfig=kubeconfig) as ours:
                time.sleep(settle)
                mine, peak = ours.memory(), ours.memory("VmHWM")
                seen = _pods_seen(ours.log)
            say("the typed client")
            with program([sys.executable, "-m", "benchmarks.typed_holder", str(kubeconfig)]) as theirs:
                held = theirs.wait_for(600, event="running").content["pods"]
                time.sleep(5)
                other, other_peak = theirs.memory(), theirs.memory("VmHWM")
    if held != pods or seen:
        raise SystemExit(f"the typed client held {held} of {pods} pods; intentd said {seen}")
    tell(
        f"memory with {pods:,} pods",
        [Figure("RSS", "MB", mine, other, 150), Figure("peak RSS", "MB", peak, other_peak)],
        {"pods": f"{RECORDED:,} kwok pods recorded and multiplied to {pods:,}", "seconds of looks": settle},
        output=output,
        load=load,
    )


def _pods_seen(log: list[bytes]) -> str:
    """What went wrong with a watch, if anything: a figure of a daemon that saw nothing would be a lie."""
    wrong = [line for line in log if b"watch failed" in line or b"crashed" in line]
    return wrong[0].decode() if wrong else ""
