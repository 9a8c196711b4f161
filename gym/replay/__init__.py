"""Recorded samples (gym/run/record.py) judged again, without a cluster: other decisions on the same evidence. Pure."""
