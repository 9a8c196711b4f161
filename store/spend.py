"""What each charged write requests more, as the spend guard recorded it with the charge.

The amount is one of the guard's recorded inputs, so it stands in the same durable row as the charge itself and
needs no table of its own.
"""

from __future__ import annotations

import json

from sqlalchemy import bindparam, text

from store.ledger import Ledger


def spend_since(store: Ledger, since: float) -> dict[str, dict[str, str]]:
    """Quantities by resource, by operation id; a write whose row tells nothing is left out."""
    with store.snapshot() as connection:
        rows = connection.execute(_SPEND, {"since": since}).all()
    return {row.operation_id: json.loads(row.adds) for row in rows if row.adds is not None}


_SPEND = text(
    """
    SELECT changes.operation_id AS operation_id,
           (SELECT json_extract(verdict.value, '$.inputs.adds')
              FROM json_each(ledger.payload, '$.verdicts') AS verdict
             WHERE json_extract(verdict.value, '$.guard') = 'spend') AS adds
      FROM changes
      JOIN ledger ON ledger.case_id = changes.case_id
     WHERE changes.at >= :since
       AND ledger.event = 'apply-started'
       AND json_extract(ledger.payload, '$.operation_id') = changes.operation_id
    """
).bindparams(bindparam("since"))
