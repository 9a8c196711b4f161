"""What a model under an attacker's control could answer, as data, and the walk that each answer takes."""
