"""What the YAML of one process and of one method may say."""

from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainValidator, model_validator

from sysproduction.config import words
from sysproduction.config.fields import Flag, Strict, Text, Zone
from sysproduction.config.problems import Unfit
from sysproduction.domain.processes import UNLIMITED, Limits, MethodSpec, OnError, RestartPolicy

_RESTART, _LIMITS, _METHOD = RestartPolicy(), Limits(), MethodSpec("")
_WEEK_MINUTES = 10_080


def _not_zero(value: int) -> int:
    if value == 0:
        raise Unfit
    return value


def _empty_is_none(value: Any) -> Any:
    return {} if value is None else value


Minutes = Annotated[
    float,
    Field(ge=0, le=_WEEK_MINUTES, allow_inf_nan=False, description=f"a number of minutes from 0 to {_WEEK_MINUTES}"),
]
Seconds = Annotated[
    float, Field(gt=0, le=86_400, allow_inf_nan=False, description="a number of seconds above 0, at most 86400")
]
Executions = Annotated[
    int,
    Field(ge=UNLIMITED, le=1_000_000, description="a whole number from 1 to 1000000, or -1 for no bound"),
    AfterValidator(_not_zero),
]
Crashes = Annotated[int, Field(ge=0, le=10_000, description="a whole number from 0 to 10000")]
Arguments = Annotated[
    dict[str, Any], BeforeValidator(_empty_is_none), Field(description="a map of indented keys: the names of arguments")
]
TimeOfDay = Annotated[time, PlainValidator(words.time_of_day), Field(description="a time of day such as 20:00")]
Days = Annotated[
    frozenset[int],
    PlainValidator(words.days),
    Field(description="days such as mon-fri or [mon, wed], none of them empty"),
]


class RestartModel(Strict):
    """See RestartPolicy."""

    enabled: Flag = _RESTART.enabled
    backoff_seconds: Seconds = _RESTART.backoff_seconds
    backoff_seconds_max: Seconds = _RESTART.backoff_seconds_max
    crashes_max: int = Field(
        default=_RESTART.crashes_max, ge=0, le=10_000, description="a whole number from 0 to 10000"
    )
    period_minutes: Annotated[Minutes, Field(gt=0)] = _RESTART.period_minutes

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.backoff_seconds_max < self.backoff_seconds:
            raise Unfit(
                "backoff_seconds_max is shorter than backoff_seconds", at=["backoff_seconds_max", "backoff_seconds"]
            )
        return self


class LimitsModel(Strict):
    """See Limits."""

    memory_mb: int | None = Field(
        default=_LIMITS.memory_mb, ge=16, le=16_777_216, description="a whole number of megabytes from 16, or null"
    )
    cpu_percent: float | None = Field(
        default=_LIMITS.cpu_percent,
        gt=0,
        le=100_000,
        allow_inf_nan=False,
        description="a percentage of one core above 0, or null",
    )
    stop_seconds: Seconds = _LIMITS.stop_seconds
    silence_seconds: Seconds = _LIMITS.silence_seconds


class ProcessModel(Strict):
    """One entry of process_configuration, laid over its `default`."""

    start_time: TimeOfDay
    stop_time: TimeOfDay
    previous_process: Text | None = Field(default=None, description="the name of a process, or null")
    timezone: Zone = "UTC"
    days: Days = frozenset(range(5))
    restart: RestartModel = RestartModel()
    limits: LimitsModel = LimitsModel()
    missed: Literal["run", "skip", "alert"] = Field(default="run", description="run, skip or alert")
    start_method: Literal["template", "exec"] = Field(default="template", description="template or exec")
    enabled: Flag = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.start_time == self.stop_time:
            raise Unfit(
                "start_time and stop_time are equal, so the process could never run", at=["stop_time", "start_time"]
            )
        return self


class MethodModel(Strict):
    """One method of process_configuration_methods."""

    frequency: Minutes = _METHOD.frequency
    max_executions: Executions = _METHOD.max_executions
    run_on_completion_only: Flag = _METHOD.run_on_completion_only
    arguments: Arguments = Field(default={})
    on_error: Literal["continue", "stop"] = Field(default="continue", description="continue or stop")
    timeout_minutes: Annotated[Minutes, Field(gt=0)] = _METHOD.timeout_minutes
    enabled: Flag = True

    def spec(self, name: str) -> MethodSpec:
        """The frozen value."""
        said = self.model_dump(exclude={"enabled", "on_error"})
        return MethodSpec(name, **said, on_error=OnError(self.on_error))


def nested(model: type[BaseModel], key: str | int) -> type[BaseModel] | None:
    """The model that a field of a model holds, None for an ordinary field."""
    field = model.model_fields.get(key) if isinstance(key, str) else None
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
