"""The command that makes a report now, and shows it."""

import webbrowser
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.report_policies import Format
from sysproduction.ops.process_commands import Json
from sysproduction.ops.session import session

if TYPE_CHECKING:
    from sysproduction.reports.report import Report

STYLES: Final = {"warn": "yellow", "note": "", "ok": "green"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Such as roll_report, or roll; without it they are listed.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="As of the end of that day; now without it.")
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Write the page into the home and open it.")] = False,
    as_json: Json = False,
) -> None:
    """Make a report from what is stored now and show it; what it lacks is named."""
    from sysproduction.control import reporting
    from sysproduction.ops import render

    if name is None:
        known = [{"report": one, "about": edition.about} for one, edition in reporting.REPORTS.items()]
        render.show(known, as_json=as_json)
        return
    wanted, past = reporting.named(name), _day(day)
    with session(context).outside() as ports:
        from sysproduction.control.report_desk import desk_of
        from sysproduction.processes.run_reports import sources_of
        from sysproduction.reports.publishing import folder_of, keep

        now = ports.clock.now()
        if past is not None and past > now.date():
            raise ConfigError(f"--date {past}: it is {now:%Y-%m-%d} now; give today or a day that is over")
        made = reporting.REPORTS[wanted].make(desk_of(sources_of(ports.world()), now, past))
        policy = ports.config.settings.reports.policies().of(wanted)
        if opened:
            keep(ports.report_folders, made, policy, Format.HTML)
    if as_json:
        render.show_json(made.as_json())
    else:
        show(made)
    if opened:
        page = ports.home.reports / folder_of(made) / f"{made.name}.html"
        typer.echo(page)
        webbrowser.open(page.as_uri())


def show(made: "Report") -> None:
    """Findings first, then what is missing, then the tables."""
    from rich.table import Table
    from rich.text import Text

    from sysproduction.ops import render
    from sysproduction.reports.report import heading_of
    from sysproduction.reports.text import MARKS, is_number, shown

    console = render.console()
    console.print(Text(f"{made.title}, {made.at:%Y-%m-%d %H:%M} UTC", style="bold"))
    for one in made.findings:
        console.print(Text(f"{MARKS[one.level]} {one.text}", style=STYLES[one.level]))
    for text in made.missing:
        console.print(Text(f"? {text}", style="dim"))
    for told in made.tables:
        shown_table = Table(title=told.title, caption=told.words or None, title_justify="left", header_style="bold")
        for number, column in enumerate(told.columns):
            right = all(is_number(row[number]) or row[number] is None for row in told.rows)
            shown_table.add_column(heading_of(column), justify="right" if right else "left", overflow="fold")
        for row in told.rows:
            shown_table.add_row(*(Text(shown(value)) for value in row))
        console.print(shown_table)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigError(f"--date {text}: write a day such as 2026-01-31") from error
