"""The Typer app. Each command imports what it needs only when it runs, so that --help stays quick."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

import outpaint_cli
from outpaint_cli.commands import (
    _usage,
    compare,
    completion,
    config,
    convert,
    doctor,
    evaluate,
    extend,
    harmonize,
    inpaint,
    man,
    models,
    plugins,
    train,
)
from outpaint_cli.commands._configured import configure
from outpaint_cli.commands._report import say
from outpaint_cli.plugin import OutpaintError
from outpaint_cli.remote import redact

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="outpaint",
    help="Grow photos beyond their borders.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)
CONTEXT["obj"] = app  # every command's context knows it: config reads off it which options there are
app.command()(extend.extend)
app.command()(inpaint.inpaint)
app.command()(harmonize.harmonize)
app.command()(compare.compare)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(convert.convert)
app.add_typer(models.app, name="models")
app.add_typer(plugins.app, name="plugins")
app.command()(doctor.doctor)
configure(app)
app.add_typer(config.app, name="config")
app.command()(completion.completion)
app.command()(man.man)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"outpaint {outpaint_cli.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="OUTPAINT_CONFIG",
            show_envvar=False,
            help="Read this file, not outpaint.toml of the working folder.",
            metavar="FILE",
        ),
    ] = None,
    no_config: Annotated[
        bool,
        typer.Option(
            "--no-config",
            envvar="OUTPAINT_NO_CONFIG",
            show_envvar=False,
            help="Read no outpaint.toml at all.",
        ),
    ] = False,
) -> None:
    """Grow photos beyond their borders."""


def main() -> None:
    """The console script. Errors become one line and an exit code; OUTPAINT_DEBUG=1 shows tracebacks."""
    debug = os.environ.get("OUTPAINT_DEBUG") == "1"
    try:
        code = app(standalone_mode=False)
    except OutpaintError as error:
        if debug:
            sys.stderr.write(redact(traceback.format_exc()))
        say(f"outpaint: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("outpaint: stopped")
        sys.exit(130)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        # The reader of our output went away (outpaint -q | head), and Typer made that exit code 1, a fault.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if _usage.is_usage(error):
            message = _usage.told(error)
            if message:
                say(f"outpaint: {message}")
            sys.exit(2)
        if debug:
            sys.stderr.write(redact(traceback.format_exc()))
        say(f"outpaint: a fault of outpaint ({type(error).__name__}: {error}); OUTPAINT_DEBUG=1 shows where")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
