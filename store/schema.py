"""The tables as SQLAlchemy Core sees them. The migrations create them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Float),
    Column("case_id", Text),
    Column("event", Text),
    Column("payload", Text),
    Column("prev", Text),
    Column("hash", Text),
)

anchor = Table(
    "anchor",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pruned_to", Integer),
    Column("hash", Text),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("intent", Text),
    Column("kind", Text),
    Column("namespace", Text),
    Column("name", Text),
    Column("opening", Integer),
    Column("state", Text),
    Column("fault_class", Text),
    Column("severity", Text),
    Column("summary", Text),
    Column("opened_at", Float),
    Column("updated_at", Float),
    Column("cause", Text),
    Column("weights", Text),
    Column("plan", Text),
    Column("digest", Text),
    Column("operation_id", Text),
    Column("applied_at", Float),
    Column("outcome", Text),
    Column("outcome_reason", Text),
)

changes = Table(
    "changes",
    metadata,
    Column("operation_id", Text, primary_key=True),
    Column("at", Float),
    Column("case_id", Text),
    Column("intent", Text),
    Column("kind", Text),
    Column("namespace", Text),
    Column("name", Text),
    Column("fault_class", Text),
    Column("touched", Text),
    Column("result", Text),
    Column("approved", Integer),
)

last_good = Table(
    "last_good",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", Float),
    Column("version", Text),
    Column("manifest", Text),
)

grants = Table(
    "grants",
    metadata,
    Column("fault_class", Text, primary_key=True),
    Column("weights", Text, primary_key=True),
    Column("mode", Text),
    Column("until", Float),
    Column("reason", Text),
    Column("granted_by", Text),
    Column("at", Float),
    Column("seq", Integer),
    Column("revoked", Integer),
    Column("people", Integer),
)

trust = Table(
    "trust",
    metadata,
    Column("fault_class", Text, primary_key=True),
    Column("weights", Text, primary_key=True),
    Column("successes", Integer),
    Column("decided", Text),
    Column("reason", Text),
    Column("seq", Integer),
    Column("at", Float),
)

approvals = Table(
    "approvals",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("case_id", Text),
    Column("digest", Text),
    Column("by", Text),
    Column("at", Float),
    Column("until", Float),
)

pauses = Table(
    "pauses",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("reason", Text),
    Column("by", Text),
    Column("at", Float),
    Column("until", Float),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float),
    Column("case_id", Text),
    Column("severity", Text),
    Column("title", Text),
    Column("body", Text),
    Column("sent_at", Float),
)
