"""Every guard, in the order in which their verdicts are shown: whether at all, whether this, whether now."""

from __future__ import annotations

from remediation.guards.backoff import Backoff
from remediation.guards.base import Guard
from remediation.guards.budget import Budget
from remediation.guards.cooldown import Cooldown
from remediation.guards.disruption import Disruption
from remediation.guards.editable import Editable
from remediation.guards.freeze import ChangeFreeze
from remediation.guards.gate import MetricGate
from remediation.guards.growth import Growth
from remediation.guards.hands_off import HandsOff
from remediation.guards.ineffective import IneffectiveChain
from remediation.guards.integrity import Integrity
from remediation.guards.kill_switch import KillSwitch
from remediation.guards.kinds import Kinds
from remediation.guards.mode import ModeGuard
from remediation.guards.opt_in import OptIn
from remediation.guards.pause import Pause
from remediation.guards.recreate import RecreateGuard
from remediation.guards.rehearsal import NOT_YET, Rehearsal
from remediation.guards.same_knob import SameKnob
from remediation.guards.scope import Scope
from remediation.guards.sensitive import Sensitive
from remediation.guards.spend import Spend
from remediation.guards.storm import Storm
from remediation.guards.window import ChangeWindow

GUARDS: tuple[Guard, ...] = (
    KillSwitch(),
    Pause(),
    Storm(),
    MetricGate(),
    Integrity(),
    Scope(),
    OptIn(),
    Kinds(),
    RecreateGuard(),
    Editable(),
    Sensitive(),
    Growth(),
    Disruption(),
    HandsOff(),
    SameKnob(),
    IneffectiveChain(),
    Budget(),
    Spend(),
    Cooldown(),
    Backoff(),
    ChangeWindow(),
    ChangeFreeze(),
    Rehearsal(),
    ModeGuard(),
)

WAITING = frozenset(
    {"storm", "gate", "pause", "kill-switch", "budget", "spend", "cooldown", "backoff", "window", "freeze"}
)
"""Guards whose refusal passes by itself: the case waits instead of going to a person."""

WAITING_REASONS = frozenset(
    {
        ("opt-in", "NamespaceUnknown"),
        ("disruption", "StatusUnknown"),
        ("disruption", "BudgetsUnknown"),
        ("opt-in", "UsersUnknown"),
        ("sensitive", "UsersUnknown"),
        NOT_YET,
    }
)
"""Refusals of the other guards, as (guard, reason), that a later look, or a rehearsal, lifts."""

NEEDS_APPROVAL = frozenset(
    {
        ("mode", "NeedsApproval"),
        ("recreate", "NotOpened"),
        ("hands-off", "Helm"),
        ("hands-off", "PersonAtWork"),
        ("disruption", "TakesServingPods"),
        ("ineffective-chain", "Ineffective"),
        ("rehearsal", "CannotRehearse"),
    }
)
"""Refusals, as (guard, reason), that a person's approval of this plan lifts."""
