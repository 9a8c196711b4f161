"""The assertion language: one file per group, a registry by name. An assertion is a pure function of state,
cluster context and its own typed arguments; it answers whether it holds, and why, in words."""
