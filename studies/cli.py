"""The command line: `memsim --help`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from memsim import __version__
from memsim.devices.toml_file import bounded
from memsim.studies.commands import (
    bench_command,
    compare_command,
    devices_command,
    doctor_command,
    report_command,
    see_command,
    study_command,
    train_command,
    warm_command,
)
from memsim.studies.commands.terminal import errors, show_whatever_the_terminal_can


class _Group(TyperGroup):
    """The commands; an empty value is refused, whatever option or argument it is for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        switches = set(_switches(self))
        for before, word in zip(("", *args), args, strict=False):
            option, equals, value = word.partition("=")
            named = bool(equals) and option.startswith("--")
            if (value if named else word).strip():
                continue
            said = option if named else before
            if said in switches:
                raise ValueError(f"{said} takes no value, and an empty one is given: {EMPTY}")
            what = said if said.startswith("--") and said != "--" else "an argument"
            raise ValueError(f"{what} is empty: a value is needed; {EMPTY}")
        return super().parse_args(ctx, args)


EMPTY = "is a variable of the shell not set?"


def _switches(group: Any) -> Iterator[str]:
    """Yield every option of a group's commands that takes no value."""
    for command in group.commands.values():
        for parameter in command.params:
            if getattr(parameter, "is_flag", False):
                yield from (*parameter.opts, *parameter.secondary_opts)
        if hasattr(command, "commands"):
            yield from _switches(command)


app = typer.Typer(
    name="memsim", cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.command()(compare_command.compare)
app.command()(study_command.study)
app.command()(report_command.report)
app.add_typer(devices_command.app, name="devices")
app.command()(train_command.train)
app.command()(see_command.see)
app.command()(bench_command.bench)
app.command()(warm_command.warm)
app.command()(doctor_command.doctor)


def _version(asked: bool) -> None:
    if asked:
        print(f"memsim {__version__}")
        raise typer.Exit


@app.callback()
def memsim(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run a spiking STDP transformer digitally and on simulated memristive crossbars, and compare the two."""
    from memsim.studies.commands.doctor import advice

    if context.invoked_subcommand != "doctor" and advice():
        raise ImportError(f"{advice()} ('memsim doctor' says more)")


def main() -> None:
    """Entry point of the `memsim` command: one message and exit code 1 for anything that cannot be done."""
    show_whatever_the_terminal_can()
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        _refuse(str(error))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "DefaultCPUAllocator" not in str(error):  # torch's
            raise
        _refuse("there is not enough memory: take fewer chips or images, or a smaller network")


def _refuse(message: str) -> None:
    errors.print(bounded(f"memsim: {message}"), style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
