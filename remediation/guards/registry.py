"""Every guard, in the order in which their verdicts are shown: whether at all, whether this, whether now."""

from __future__ import annotations

from remediation.guards.base import Guard
from remediation.guards.budget import Budget
from remediation.guards.cooldown import Cooldown
from remediation.guards.editable import Editable
from remediation.guards.hands_off import HandsOff
from remediation.guards.integrity import Integrity
from remediation.guards.kill_switch import KillSwitch
from remediation.guards.kinds import Kinds
from remediation.guards.mode import ModeGuard
from remediation.guards.pause import Pause
from remediation.guards.same_knob import SameKnob
from remediation.guards.scope import Scope
from remediation.guards.sensitive import Sensitive
from remediation.guards.storm import Storm
from remediation.guards.window import ChangeWindow

GUARDS: tuple[Guard, ...] = (
    KillSwitch(),
    Pause(),
    Storm(),
    Integrity(),
    Scope(),
    Kinds(),
    Editable(),
    Sensitive(),
    HandsOff(),
    SameKnob(),
    Budget(),
    Cooldown(),
    ChangeWindow(),
    ModeGuard(),
)

WAITING = frozenset({"storm", "pause", "kill-switch", "budget", "cooldown", "window"})
"""Guards whose refusal passes by itself: the case waits instead of going to a person."""

NEEDS_APPROVAL = frozenset({("mode", "NeedsApproval"), ("hands-off", "Helm"), ("hands-off", "PersonAtWork")})
"""Refusals, as (guard, reason), that a person's approval of this plan lifts."""
