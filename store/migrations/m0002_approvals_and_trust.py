"""Approvals one row a person, what trust was earned, and the order in which autonomy was decided.

A clock that steps must not make an old grant look newer than a demotion, so decisions are ordered by the number
of their ledger row. Decisions of before this migration count as older than all later ones.
"""

STATEMENTS = (
    # The approvals of the plan that stands; a new plan, and the end of the case, take them away.
    """
    CREATE TABLE approvals (
        seq      INTEGER PRIMARY KEY,
        case_id  TEXT NOT NULL,
        digest   TEXT NOT NULL,
        by       TEXT NOT NULL,
        at       REAL NOT NULL,
        until    REAL NOT NULL
    )
    """,
    "CREATE INDEX approvals_case ON approvals (case_id)",
    # An approval given under the old version is asked for again: it did not say how many people agreed.
    "ALTER TABLE cases DROP COLUMN approved_digest",
    "ALTER TABLE cases DROP COLUMN approved_until",
    # Whether people had approved the change when it was written.
    "ALTER TABLE changes ADD COLUMN approved INTEGER NOT NULL DEFAULT 0",
    # What became of approved changes. `decided` is promoted, demoted, or NULL before either; `seq` and `at`
    # belong to it.
    """
    CREATE TABLE trust (
        fault_class TEXT NOT NULL,
        weights     TEXT NOT NULL,
        successes   INTEGER NOT NULL,
        decided     TEXT,
        reason      TEXT NOT NULL,
        seq         INTEGER NOT NULL,
        at          REAL NOT NULL,
        PRIMARY KEY (fault_class, weights)
    )
    """,
    "ALTER TABLE grants ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
    # A revocation stands as a row too: it overrules older grants of wider reach.
    "ALTER TABLE grants ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0",
    # How many different people have to say it; `granted_by` names those who did, joined by commas.
    "ALTER TABLE grants ADD COLUMN people INTEGER NOT NULL DEFAULT 1",
)
