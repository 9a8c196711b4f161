"""Which pauses stand now.

A pause ends at a moment of the wall clock, because it has to outlive a restart. A step of that clock forward (an
administrator, NTP) would end it early, so each process also counts down, by the clock that never steps, what was left of
a pause when it first saw it. Where the clock was right to step, as after a suspended machine woke up, a pause is held at
most as long again. After a restart only the wall clock is left.
"""

from __future__ import annotations

from daemon.state import Memory, World
from store.queries import Pause, active_pauses

EVER = float("-inf")


def standing_pauses(world: World, memory: Memory) -> tuple[Pause, ...]:
    """Pauses that neither clock has ended."""
    wall, steady = world.clock.now(), world.clock.monotonic()
    known = active_pauses(world.store, EVER)  # those that are over as well
    ends: dict[tuple[str, float, float], float] = {}
    standing = []
    for pause in known:
        if pause.until is None:
            standing.append(pause)
            continue
        this = (pause.scope, pause.at, pause.until)
        ends[this] = memory.pause_ends.get(this, steady + max(0.0, pause.until - wall))
        if wall < pause.until or steady < ends[this]:
            standing.append(pause)
    if ends != memory.pause_ends:
        memory.pause_ends = ends
    return tuple(standing)
