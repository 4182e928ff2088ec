"""The command that sets up a home: asks what it has to know, writes a private configuration, and checks it first."""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sysproduction.domain.errors import ConfigError, Refused
from sysproduction.ops.session import Session, leave_refused, session

Text = str | None

_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a private configuration is made from; None leaves the shipped setting."""

    environment: str = "paper"
    timezone: str = "UTC"
    prices: Text = None
    mongo: Text = None
    system: Text = None
    backups: Text = None
    slack_token: Text = None
    slack_channel: Text = None

    def yaml(self) -> str:
        """The file: only what differs from the shipped settings."""
        tree: dict[str, Any] = {"environment": self.environment, "timezone": self.timezone}
        if self.mongo:
            tree["mongo"] = self.mongo
        if self.prices:
            tree["feed"] = {"kind": "csv", "folder": _absolute(self.prices)}
        if self.system:
            tree["strategies"] = {"main": {"system": self.system}}
        if self.backups:
            tree["backups"] = {"folder": _absolute(self.backups)}
        if self.slack_token:
            tree["notify"] = {"slack": {"token": self.slack_token, "channel": self.slack_channel}}
        head = "# Written by `sysproduction init`. private_config.yaml.example shows what else may stand here.\n"
        return head + "\n".join(_lines(tree)) + "\n"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    context: typer.Context,
    environment: Annotated[Text, typer.Option(help="demo, paper or live.")] = None,
    timezone: Annotated[Text, typer.Option(help="In which processes start and stop.")] = None,
    prices: Annotated[Text, typer.Option(metavar="FOLDER", help="Recorded prices; a made-up market without.")] = None,
    mongo: Annotated[Text, typer.Option(metavar="ADDRESS", help="A MongoDB of your own; embedded without.")] = None,
    system: Annotated[Text, typer.Option(help="What the strategy `main` trades: a shipped system or a file.")] = None,
    backups: Annotated[Text, typer.Option(metavar="FOLDER", help="On another disk; in the home without.")] = None,
    slack_channel: Annotated[Text, typer.Option(help="Where alerts go; the token is asked for.")] = None,
    replace_it: Annotated[bool, typer.Option("--replace", help="In place of the configuration that is there.")] = False,
) -> None:
    """Write the private configuration of this home. At a terminal it asks for whatever no option says; a script is
    asked nothing. What would not be right is not written."""
    here = session(context)
    target = here.home.private_config
    if target.exists() and not replace_it:
        raise leave_refused(Refused(f"{target} is there already: edit it, or say --replace"))
    given = {
        "environment": environment,
        "timezone": timezone,
        "prices": prices,
        "mongo": mongo,
        "system": system,
        "backups": backups,
        "slack_channel": slack_channel,
    }
    said = {name: value for name, value in given.items() if value is not None}
    answers = replace(Answers(slack_token=os.environ.get("SLACK_TOKEN") if slack_channel else None), **said)
    asks = sys.stdin.isatty()
    if asks:
        answers = _asked(answers, frozenset(said))
    while not _written(here, answers):
        if not asks or not typer.confirm("Answer again?", default=True):
            raise typer.Exit(ConfigError.exit_code)
        answers = _asked(answers, frozenset())
    typer.echo(f"{target} is written, for your eyes only, and it is right.")
    if answers.prices:
        typer.echo(f"Load the history next: sysproduction import csv {answers.prices}")
    typer.echo("Then: `sysproduction doctor` examines this home, `sysproduction up` starts it.")


def _asked(answers: Answers, said: frozenset[str]) -> Answers:
    """What the operator answers, question by question; Return takes what stands in brackets."""
    systems = ", ".join(_shipped_systems())
    questions = {
        "environment": "What is this home for: demo, paper or live",
        "timezone": "In which time zone do processes start and stop",
        "prices": "Which folder holds your recorded prices (none: a made-up market)",
        "mongo": "At which mongodb:// address are documents kept (none: a database of our own, for trying out)",
        "system": f"What shall be traded: {systems}, a file of yours, or none",
        "backups": "To which folder, best on another disk, do backups go (none: into the home)",
        "slack_channel": "To which Slack channel do alerts go, such as #trading (none: only to the log)",
    }
    for name, question in questions.items():
        if name not in said:
            said_now = str(typer.prompt(question, default=getattr(answers, name) or _NONE)).strip()
            answer: dict[str, Any] = {name: None if said_now.lower() == _NONE else said_now}
            answers = replace(answers, **answer)
    if answers.slack_channel and not answers.slack_token:
        answers = replace(answers, slack_token=str(typer.prompt("Slack's token (not shown)", hide_input=True)).strip())
    return answers


def _written(here: Session, answers: Answers) -> bool:
    """Write the file if it is right; else say what is wrong with it."""
    from sysproduction.config.problems import InvalidConfig

    here.home.create()
    target = here.home.private_config
    candidate = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(candidate, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(answers.yaml())
            file.flush()
            os.fsync(file.fileno())
        Session(replace(here.home, reads=candidate)).config(check_methods=True)
        candidate.replace(target)
    except InvalidConfig as invalid:
        for problem in invalid.problems:
            typer.echo(str(problem).replace(str(candidate), "the answers"), err=True)
        return False
    finally:
        candidate.unlink(missing_ok=True)
    return True


def _shipped_systems() -> list[str]:
    from sysproduction.config.layers import shipped_folder

    return sorted(path.stem for path in (shipped_folder() / "systems").glob("*.yaml"))


def _absolute(text: str) -> str:
    return str(Path(text).expanduser().absolute())


def _lines(tree: dict[str, Any], indent: str = "") -> list[str]:
    """YAML of nested maps of texts, each text quoted as JSON is."""
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value)}")
    return lines
