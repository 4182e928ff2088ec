"""Kinds of fields that settings share: each with the words in which a mistake is explained."""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from sysproduction.config import words
from sysproduction.config.problems import Unfit
from sysproduction.config.secret import Secret


class Strict(BaseModel):
    """Nothing is converted that was not meant: no unknown keys, no texts for numbers, no numbers for flags."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True)


def listed(value: Any) -> Any:
    """A YAML list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _some_and_different(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if names is not None and not names:
        raise Unfit("is an empty list; write null for all instruments")
    if names and len(set(names)) < len(names):
        raise Unfit("names an instrument twice")
    return names


Text = Annotated[str, Field(min_length=1, max_length=200, description="a text")]
Zone = Annotated[str, BeforeValidator(words.zone), Field(description="a time zone such as UTC or Europe/London")]
Flag = Annotated[bool, BeforeValidator(words.flag), Field(description="true or false")]
Speed = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Hidden = Annotated[Secret | None, PlainValidator(words.secret), PlainSerializer(str, when_used="unless-none")]
Mongo = Annotated[
    Secret | Literal["embedded"],
    PlainValidator(partial(words.store, schemes=("mongodb://", "mongodb+srv://"))),
    PlainSerializer(str),
]
Arctic = Annotated[
    Secret | Literal["embedded"],
    PlainValidator(partial(words.store, schemes=("lmdb://", "mongodb://", "s3://", "s3s://"))),
    PlainSerializer(str),
]
Contracts = Annotated[int, Field(ge=0, le=1_000_000, description="a whole number of contracts from 0")]
Count = Annotated[int, Field(ge=1, le=1_000_000, description="a whole number from 1")]
Days = Annotated[int, Field(ge=1, le=36_500, description="a whole number of days from 1 to 36500")]
Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, description="a fraction above 0, at most 1")]
Seconds = Annotated[
    float, Field(gt=0, le=86_400, allow_inf_nan=False, description="a number of seconds, at most 86400")
]
Codes = Annotated[tuple[Text, ...], BeforeValidator(listed)]
SomeCodes = Annotated[tuple[Text, ...] | None, BeforeValidator(listed), AfterValidator(_some_and_different)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="a currency code such as USD")]
