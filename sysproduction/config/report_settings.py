"""Settings of reports: as what they are written, to whom they go, and the mail server that brings them."""

from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sysproduction.config.fields import Codes, Hidden, Strict, Text
from sysproduction.config.problems import Unfit, closest
from sysproduction.domain.report_policies import REPORT_NAMES, Channel, Format, ReportPolicies, ReportPolicy


def _some_of(options: type[StrEnum], value: Any) -> Any:
    """A list of some of these words, as a tuple."""
    if not isinstance(value, list | tuple):
        raise Unfit
    for word in value:
        if word not in tuple(options):
            near = closest(word, options) if isinstance(word, str) else None
            raise Unfit(f"{word} is none of {', '.join(options)}", suggestion=near)
    return tuple(map(options, value))


Formats = Annotated[
    tuple[Format, ...],
    BeforeValidator(partial(_some_of, Format)),
    Field(description=f"a list of some of {', '.join(Format)}"),
]
Channels = Annotated[
    tuple[Channel, ...],
    BeforeValidator(partial(_some_of, Channel)),
    Field(description=f"a list of some of {', '.join(Channel)}, or []"),
]


class OwnReportSettings(Strict):
    """What differs for one report; None: nothing does."""

    formats: Formats | None = None
    deliver: Channels | None = None
    attach: Formats | None = None

    def policy(self, usual: ReportPolicy) -> ReportPolicy:
        """The frozen value."""
        said = {name: value for name in ("formats", "deliver", "attach") if (value := getattr(self, name)) is not None}
        return replace(usual, **said)


class ReportSettings(Strict):
    """See ReportPolicy; `single` by the name of a report."""

    formats: Formats
    deliver: Channels
    attach: Formats
    single: dict[str, OwnReportSettings] = Field(
        default={}, description="a map from names of reports to what differs, such as roll_report: {deliver: [slack]}"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.single:
            if name not in REPORT_NAMES:
                near = closest(name, REPORT_NAMES)
                raise Unfit("there is no report of this name", suggestion=near, at=[f"single.{name}"])
        return self

    def channels(self) -> dict[Channel, str]:
        """Each channel that is used, with the key that names it first."""
        found: dict[Channel, str] = {}
        for key, told in (
            ("deliver", self.deliver),
            *((f"single.{n}.deliver", o.deliver) for n, o in self.single.items()),
        ):
            for channel in told or ():
                found.setdefault(channel, key)
        return found

    def policies(self) -> ReportPolicies:
        """The frozen values."""
        usual = ReportPolicy(self.formats, self.deliver, self.attach)
        return ReportPolicies(usual, {name: own.policy(usual) for name, own in self.single.items()})


class EmailSettings(Strict):
    """Mail for those who want reports by it (reports.deliver). `host` None: none is sent."""

    host: Text | None = Field(default=None, description="the name of a mail server, or null")
    port: int = Field(ge=1, le=65_535, description="a whole number from 1 to 65535")
    security: Literal["starttls", "tls", "none"] = Field(description="starttls, tls or none")
    user: Text | None = Field(default=None, description="a user's name, or null")
    password: Hidden = None
    sender: Text | None = Field(default=None, description="an address such as trading@example.com, or null")
    to: Codes = Field(default=(), description="a list of addresses such as [me@example.com], or []")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.host and not (self.sender and self.to):
            missing = "to" if self.sender else "sender"
            raise Unfit(f"a mail server needs a sender and addresses: set notify.email.{missing}", at=[missing, "host"])
        return self
