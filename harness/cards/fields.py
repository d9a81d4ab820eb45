"""The kinds of values that keys of cards have, and the model that all cards share.

A field's `description` is what an error says was expected.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from harness.records import Value

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=80,
        description="a name of letters, digits, `_`, `.` and `-`, at most 80",
    ),
]
Share = Annotated[float, Field(gt=0, lt=1, strict=True, description="a share between 0 and 1")]
Count = Annotated[int, Field(ge=1, strict=True, description="a whole number of at least 1")]
CountOrZero = Annotated[int, Field(ge=0, strict=True, description="a whole number of at least 0")]
Seed = Annotated[int, Field(strict=True, description="a whole number")]
Number = Annotated[
    Annotated[float, Field(strict=True)] | Annotated[int, Field(strict=True)], Field(description="a number")
]
Plain = Annotated[Value, Field(description="a number, text, true or false")]
Column = Annotated[str, Field(min_length=1, description="the name of a column, in quotes")]
Columns = Annotated[tuple[Column, ...], Field(description='a list of columns, such as ["y"]')]
Location = Annotated[str, Field(min_length=1, description="the path of a file, in quotes")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="64 digits of 0-9 and a-f")]


class Card(BaseModel):
    """What a card, or a table of one, is made of."""

    # A NaN would pass every comparison that a later check makes.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
