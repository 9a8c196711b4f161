"""Secrets in the places where clusters keep and leak them, and harmless texts that look alike."""
