"""outpaint completion: what makes TAB work."""

from __future__ import annotations

from typing import Annotated

import typer

from outpaint_cli.commands._complete import among
from outpaint_cli.plugin import UsageError

SHELLS = ("bash", "zsh", "fish")


def completion(
    shell: Annotated[
        str, typer.Argument(metavar="|".join(SHELLS), help="The shell.", autocompletion=among(*SHELLS))
    ],
) -> None:
    """Print the script that completes commands, options, models and presets at TAB.

    bash: outpaint completion bash > ~/.local/share/bash-completion/completions/outpaint;
    zsh: outpaint completion zsh > ~/.zfunc/_outpaint, with fpath+=~/.zfunc before compinit in ~/.zshrc;
    fish: outpaint completion fish > ~/.config/fish/completions/outpaint.fish.
    """
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise UsageError(f"there is no completion for '{shell}': use {', '.join(SHELLS)}")
    typer.echo(get_completion_script(prog_name="outpaint", complete_var="_OUTPAINT_COMPLETE", shell=shell))
