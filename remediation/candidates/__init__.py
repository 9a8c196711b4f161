"""Candidates: the changes that the evidence supports, found by code and judged by the model."""

from remediation.candidates.registry import GENERATORS, generate

__all__ = ["GENERATORS", "generate"]
