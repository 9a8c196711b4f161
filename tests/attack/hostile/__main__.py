"""`python -m tests.attack.hostile`: the whole corpus on a real API server, as one table; exit 0 only with zeros."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from gym import cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.ready import api_client
from gym.rights import grant
from tests.attack.hostile.against import Ground, Tally, policies_in_force
from tests.attack.hostile.corpus import ROWS


def main() -> int:
    """Start a practice cluster, or use a running one, and send every answer three ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", help="a running practice cluster; one is started where left out")
    parser.add_argument("--provider", help="what to start: local, kind or kwok (default: the strongest)")
    chosen = parser.parse_args()
    if chosen.instance:
        return _run(cluster.find(chosen.instance))
    with tempfile.TemporaryDirectory(prefix="hostile-", dir="/tmp") as state:
        found = cluster.up("hostile", provider=chosen.provider, state=Path(state))
        try:
            return _run(found)
        finally:
            cluster.down("hostile", state=Path(state))


def _run(practice: cluster.Cluster) -> int:
    with tempfile.TemporaryDirectory() as folder, api_client(practice.kubeconfig) as api:
        account = Path(folder) / "kubeconfig"
        grant(practice.kubeconfig, account)
        name = create_namespace(api, practice.instance)
        ground = Ground(practice.kubeconfig, account, name)
        try:
            past = _told("with the guards", ROWS, ground.through_the_guards(ROWS, Path(folder)))
            with policies_in_force(practice.kubeconfig, ground):
                past += _told("plans, no guards", ROWS, ground.as_planned(ROWS))
                past += _told("bare answers, no guards", ROWS, ground.as_it_was_answered(ROWS))
        finally:
            ground.close()
            delete_namespace(api, practice.instance, name)
    return 1 if past else 0


def _told(how: str, rows: tuple[object, ...], tally: Tally) -> int:
    by = ", ".join(
        f"{who} {count}" for who, count in sorted(tally.refused.items(), key=lambda item: -item[1])
    )
    sys.stdout.write(f"{how:24} tries {len(rows)}  past {len(tally.past)}  by: {by}" + "\n")
    for name in tally.past:
        sys.stdout.write(f"  PAST: {name}" + "\n")
    return len(tally.past)


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    sys.stdout.write(f"{time.monotonic() - began:.0f} s" + "\n")
    sys.exit(code)
