"""The ledger, its anchor, and the read models that are projected from it."""

STATEMENTS = (
    """
    CREATE TABLE ledger (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        at       REAL NOT NULL,
        case_id  TEXT,
        event    TEXT NOT NULL,
        payload  TEXT NOT NULL,
        prev     TEXT NOT NULL,
        hash     TEXT NOT NULL UNIQUE
    )
    """,
    "CREATE INDEX ledger_case ON ledger (case_id, seq)",
    # Where the chain begins once old rows are pruned. Exactly one row.
    """
    CREATE TABLE anchor (
        id         INTEGER PRIMARY KEY CHECK (id = 1),
        pruned_to  INTEGER NOT NULL,
        hash       TEXT NOT NULL
    )
    """,
    "INSERT INTO anchor (id, pruned_to, hash) VALUES (1, 0, printf('%064d', 0))",
    """
    CREATE TRIGGER ledger_is_append_only BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER ledger_keeps_its_rows BEFORE DELETE ON ledger
    WHEN OLD.seq > (SELECT pruned_to FROM anchor)
    BEGIN SELECT RAISE(ABORT, 'the ledger gives up rows only behind its anchor'); END
    """,
    """
    CREATE TABLE cases (
        case_id         TEXT PRIMARY KEY,
        intent          TEXT NOT NULL,
        kind            TEXT NOT NULL,
        namespace       TEXT NOT NULL,
        name            TEXT NOT NULL,
        opening         INTEGER NOT NULL,
        state           TEXT NOT NULL,
        fault_class     TEXT NOT NULL,
        severity        TEXT NOT NULL,
        summary         TEXT NOT NULL,
        opened_at       REAL NOT NULL,
        updated_at      REAL NOT NULL,
        cause           TEXT NOT NULL DEFAULT '',
        weights         TEXT NOT NULL DEFAULT '',
        plan            TEXT,
        digest          TEXT,
        approved_digest TEXT,
        approved_until  REAL,
        operation_id    TEXT,
        applied_at      REAL,
        outcome         TEXT,
        outcome_reason  TEXT NOT NULL DEFAULT '',
        UNIQUE (intent, kind, namespace, name, opening)
    )
    """,
    "CREATE INDEX cases_open ON cases (state) WHERE state != 'Closed'",
    # One row for each write that was charged, whether or not it reached the server.
    """
    CREATE TABLE changes (
        operation_id TEXT PRIMARY KEY,
        at           REAL NOT NULL,
        case_id      TEXT NOT NULL,
        intent       TEXT NOT NULL,
        kind         TEXT NOT NULL,
        namespace    TEXT NOT NULL,
        name         TEXT NOT NULL,
        fault_class  TEXT NOT NULL,
        touched      TEXT NOT NULL,
        result       TEXT
    )
    """,
    "CREATE INDEX changes_at ON changes (at)",
    """
    CREATE TABLE last_good (
        kind      TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name      TEXT NOT NULL,
        at        REAL NOT NULL,
        version   TEXT NOT NULL,
        manifest  TEXT NOT NULL,
        PRIMARY KEY (kind, namespace, name)
    )
    """,
    """
    CREATE TABLE grants (
        fault_class TEXT NOT NULL,
        weights     TEXT NOT NULL,
        mode        TEXT NOT NULL,
        until       REAL,
        reason      TEXT NOT NULL,
        granted_by  TEXT NOT NULL,
        at          REAL NOT NULL,
        PRIMARY KEY (fault_class, weights)
    )
    """,
    """
    CREATE TABLE pauses (
        scope  TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        by     TEXT NOT NULL,
        at     REAL NOT NULL,
        until  REAL
    )
    """,
    # Messages to people are rows first, so that a crash between closing a case and telling loses none.
    """
    CREATE TABLE notices (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        at       REAL NOT NULL,
        case_id  TEXT NOT NULL,
        severity TEXT NOT NULL,
        title    TEXT NOT NULL,
        body     TEXT NOT NULL,
        sent_at  REAL
    )
    """,
)
