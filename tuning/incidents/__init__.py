"""Synthetic incidents: whole Kubernetes objects with one known fault each, as the cluster port gathers them.

Nothing here writes a prompt. An incident goes through the daemon's own evidence selection, candidate
generators and prompt functions (tuning/data.py), so what is learnt is what will be asked.
"""

from tuning.incidents.base import Incident
from tuning.incidents.families import FAMILIES, make

__all__ = ["FAMILIES", "Incident", "make"]
