"""`policy`: the guards' tables as a ValidatingAdmissionPolicy, for the cluster that intentd works in."""

from __future__ import annotations

from typing import Annotated

import typer

HEADER = """\
# Written by `intentd policy`, from the tables that the guards use: change those, then write this again
# (docs/policy.md). Whatever intentd's account sends, the API server refuses what is not an ordinary change.
"""
COLUMNS = 110


def text(account: str) -> str:
    """The policies and their bindings as YAML. `account` is `NAMESPACE/NAME`; ValueError where it is not."""
    import yaml

    from remediation.admission import Account, policy_documents

    namespace, slash, name = account.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise ValueError(f"{account!r}: write NAMESPACE/NAME, as in intentd/intentd")
    documents = policy_documents(Account(namespace, name))
    return HEADER + yaml.safe_dump_all(documents, sort_keys=False, width=COLUMNS, allow_unicode=True)


def policy(
    account: Annotated[
        str, typer.Option("--account", help="The daemon's service account, as NAMESPACE/NAME.")
    ] = "intentd/intentd",
) -> None:
    """Print the admission policies that hold the account to its guards."""
    try:
        typer.echo(text(account), nl=False)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
