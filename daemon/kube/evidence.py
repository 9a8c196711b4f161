"""Placeholder until the full gathering lands: the target alone, everything else a gap."""
