"""What every type of an intent file is made of: the frozen model, durations, names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from intents.units import parse_duration


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _lasting(text: str) -> str:
    if parse_duration(text) <= 0:
        raise ValueError(f"{text!r} is no span of time, such as 5m")
    return text


Duration = Annotated[str, AfterValidator(_duration), Field(examples=["30s", "5m", "1h30m"])]
Span = Annotated[str, AfterValidator(_lasting), Field(examples=["5m", "1h", "6h"])]
"""A duration above zero: the range of a query, or how far a forecast looks."""
DNSName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class Model(BaseModel):
    """Frozen, closed to unknown fields, camelCase in files."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)
