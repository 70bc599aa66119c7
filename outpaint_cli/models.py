"""Model references: a name from the plugins' lists, or an ONNX file that describes itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from outpaint_cli import registry, runtime
from outpaint_cli.plugin import (
    Context,
    Filler,
    Harmonizer,
    HubFile,
    ModelCard,
    ModelError,
    ModelRef,
    OnnxContract,
    OnnxDescription,
    OutpaintError,
)

DEFAULT_MODEL = "context-encoder"


def resolve(reference: str) -> ModelRef:
    """What ``--model reference`` means: a checked local file and the plugin that runs it.

    Raises ModelError (exit code 4) with the remedy: an unknown name, a file that is not there, truncated,
    or that no plugin recognises, weights that are damaged.
    """
    if reference.startswith("hf://"):
        raise ModelError(
            f"{reference}: models can't be fetched from the Hub yet; download the file and give its path"
        )
    cards = registry.model_cards()
    if reference in cards:
        plugin, card = cards[reference]
        return ModelRef(card.name, plugin.name, *_bundled(card))
    path = Path(reference)
    looks_like_file = path.suffix.lower() == ".onnx" or len(path.parts) > 1
    if not looks_like_file and not path.exists():
        broken = [f"{f.name} ({f.error})" for f in registry.find_plugins() if f.error]
        hint = f"; broken plugins: {', '.join(broken)}" if broken else ""
        raise ModelError(
            f"there is no model '{reference}': use {', '.join(sorted(cards))} or a file.onnx{hint}"
        )
    if not path.is_file():
        raise ModelError(f"{reference}: there is no such model file")
    return _from_file(path)


def load(ref: ModelRef, ctx: Context) -> Filler:
    """Load the filler once for this process. Raises ModelError or DeviceError."""
    plugin = registry.plugin_named(ref.plugin)
    if plugin.load is None:
        raise ModelError(f"plugin '{plugin.name}' offers no fillers")
    try:
        filler = plugin.load(ref, ctx)
    except OutpaintError:
        raise
    except Exception as error:  # a stranger's code
        raise ModelError(
            f"model '{ref.name}': plugin '{plugin.name}' can't load it ({_told(error)})"
        ) from error
    if not isinstance(filler, Filler):
        raise ModelError(f"model '{ref.name}': what plugin '{plugin.name}' loads is not a Filler")
    return filler


def load_harmonizer(name: str, context: Callable[[str], Context]) -> Harmonizer:
    """Load the harmonizer ``name``; ``context`` makes what its plugin gets, by the plugin's name.

    Raises ModelError or DeviceError.
    """
    plugin, make = registry.find_harmonizer(name)
    try:
        harmonizer = make(context(plugin.name))
    except OutpaintError:
        raise
    except Exception as error:  # a stranger's code
        raise ModelError(
            f"harmonizer '{name}': plugin '{plugin.name}' can't load it ({_told(error)})"
        ) from error
    if not isinstance(harmonizer, Harmonizer):
        raise ModelError(f"harmonizer '{name}': what plugin '{plugin.name}' makes is not a Harmonizer")
    return harmonizer


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _bundled(card: ModelCard) -> tuple[Path | None, str]:
    if card.source is None:
        return None, ""
    if isinstance(card.source, HubFile):
        raise ModelError(
            f"model '{card.name}' comes from the Hub, which is not supported yet; use a file.onnx"
        )
    if not card.source.is_file():
        raise ModelError(f"model '{card.name}': its file is missing; install outpaint-cli again")
    digest = _sha256(card.source)
    if card.sha256 and digest != card.sha256:
        raise ModelError(
            f"model '{card.name}': its file is damaged (sha256 differs); install outpaint-cli again"
        )
    return card.source, digest[:12]


def _from_file(path: Path) -> ModelRef:
    try:
        head = path.read_bytes()[:512]
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})") from error
    if not head:
        raise ModelError(f"{path}: the file is empty; fetch or export it again")
    if head.lstrip()[:1] == b"<":
        raise ModelError(f"{path}: this is a web page, not an ONNX model; download the raw file")
    description = runtime.describe(path)
    known = []
    for plugin in registry.plugins():
        for contract in plugin.contracts:
            known.append(contract.name)
            if _recognised(contract, description):
                return ModelRef(path.stem, plugin.name, path.resolve(), _sha256(path)[:12])
    inputs = ", ".join(f"{t.name} {t.type} {list(t.shape)}" for t in description.inputs)
    raise ModelError(
        f"{path}: no plugin knows what to do with this model (inputs: {inputs}); known kinds: {', '.join(known)}"
    )


def _recognised(contract: OnnxContract, description: OnnxDescription) -> bool:
    try:
        return contract.recognises(description)
    except Exception:  # a stranger's code: a broken plugin stops nothing
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
