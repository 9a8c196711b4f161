"""Absence and drift of a desired manifest: the one fault whose cure the operator already wrote.

There is nothing to judge, so no model is asked: the candidate is the intent's own manifest, and the guards
decide as for any other plan.
"""

from __future__ import annotations

from detectors.drift import desired_target
from detectors.model import Case, FaultClass
from intents.model import Intent, ManifestDesired
from remediation.model import Candidate, Diagnosis, Evidence, Json

ORIGIN = "desired-manifest"
BY_CODE = "code"
"""Stands for the weights of a decision that no model took; grants can name it."""


def desired_manifest(case: Case, intent: Intent) -> Json | None:
    """The manifest that the intent wishes for the case's target, where absence or drift is the fault."""
    if case.fault_class not in (FaultClass.ABSENT, FaultClass.DRIFT):
        return None
    for expectation in intent.spec.expectations:
        if isinstance(expectation, ManifestDesired):
            wish = expectation.manifest
            if desired_target(wish, intent.spec.scope.namespace).key == case.target.key:
                return wish
    return None


def provision(case: Case, intent: Intent, evidence: Evidence) -> Diagnosis | None:
    """The decision to make the object as its manifest says; None where no manifest is wished."""
    wish = desired_manifest(case, intent)
    if wish is None:
        return None
    verb = "Create" if case.fault_class is FaultClass.ABSENT else "Change"
    summary = f"{verb} {case.target} as the intent's manifest says."
    candidate = Candidate("c1", ORIGIN, case.target, summary, wish, evidence.ids[:1])
    return Diagnosis(
        cause=case.primary.message,
        fault_class=case.fault_class,
        evidence_ids=evidence.ids[:1],
        confidence=1.0,
        chosen=candidate,
        judged=(),
        weights=BY_CODE,
    )
