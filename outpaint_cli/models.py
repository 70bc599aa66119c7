"""Model references: a name from the plugins' lists, an ONNX file, or ``hf://owner/repo[@revision]/file.onnx``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from outpaint_cli import hub, licences, registry, runtime
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
    UsageError,
)

DEFAULT_MODEL = "context-encoder"


def resolve(
    reference: str,
    *,
    offline: bool = False,
    contract: str = "",
    accept_licence: bool = False,
    fetch: bool = True,
    note: Callable[[str], None] = lambda text: None,
) -> ModelRef:
    """What ``--model reference`` means: a checked local file and the plugin that runs it.

    ``contract`` is the user's word for what kind of ONNX file it is. With ``fetch`` false nothing is
    downloaded: what is not in the cache comes back without a path, and ``note`` hears what would be fetched.

    Raises ModelError (exit code 4) with the remedy: an unknown name, a file that is not there, truncated,
    or that no plugin recognises, weights that are damaged, a Hub that does not give them, a licence that is
    not accepted. Raises UsageError where ``contract`` makes no sense.
    """
    contracts = _contracts()
    if contract and contract not in contracts:
        raise UsageError(f"--onnx-contract '{contract}' is not one of {', '.join(contracts)}")
    cards = registry.model_cards()
    if reference in cards:
        if contract:
            raise UsageError(f"--onnx-contract goes with a model file; what '{reference}' is, is known")
        plugin, card = cards[reference]
        path, revision = card_file(card, offline, accept_licence, fetch, note)
        return ModelRef(card.name, plugin.name, path, revision)
    if reference.startswith(hub.PREFIX):
        return _from_hub(reference, offline, contract, accept_licence, fetch, note)
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
    return _from_file(path.resolve(), path.stem, str(path), contract, accept_licence)


def variant(ref: ModelRef, device: str, options: Mapping[str, Mapping[str, str]]) -> ModelRef:
    """``ref`` with the file that its plugin prefers on ``device``, and that file's revision; the name stays.

    ``options`` are the plugins' own, by plugin. Only named models have variants. Raises ModelError.
    """
    cards = registry.model_cards()
    if ref.contract or ref.name not in cards:  # a file is what the user chose, whatever it is called
        return ref
    plugin, _ = cards[ref.name]
    if plugin.variant is None:
        return ref
    ctx = Context(device="cpu" if runtime.on_cpu(device) else "cuda", options=options.get(plugin.name, {}))
    name = plugin.variant(ref.name, ctx)
    card = next((card for card in plugin.models if card.name == name), None)
    if card is None:
        raise ModelError(f"model '{ref.name}': plugin '{plugin.name}' has no variant '{name}'")
    if name == ref.name:
        return ref
    path, revision = card_file(card)
    return replace(ref, path=path, revision=revision)


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


# ------------------------------------------------------------------------------------- named models


def card_file(
    card: ModelCard,
    offline: bool = False,
    accept_licence: bool = False,
    fetch: bool = True,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[Path | None, str]:
    """The checked file of a named model, None where it has none, and the first digits of its sha256.

    As :func:`resolve`. Raises ModelError.
    """
    what = f"model '{card.name}'"
    if card.source is None:
        return None, ""
    if isinstance(card.source, HubFile):
        page = f"https://huggingface.co/{card.source.repo}"
        licences.check(f"hf://{card.source.repo}", card.licence, what, accept_licence, page)
        if not fetch and hub.find(card.source) is None:
            note(f"{what}: would be fetched, {card.bytes / 1e6:.1f} MB from {card.source.repo}")
            return None, card.sha256[:12]
        wanted = hub.Wanted(card.bytes, card.sha256)
        found = hub.fetch(card.source, what, wanted, offline=offline, note=note)
        return found.path, found.sha256[:12]
    if not card.source.is_file():
        raise ModelError(f"{what}: its file is missing; install outpaint-cli again")
    licences.check(f"model:{card.name}", card.licence or "mit", what, accept_licence)
    digest = sha256(card.source)
    if card.sha256 and digest != card.sha256:
        raise ModelError(f"{what}: its file is damaged (sha256 differs); install outpaint-cli again")
    return card.source, digest[:12]


# ------------------------------------------------------------------------------------- model files


def _from_hub(
    reference: str,
    offline: bool,
    contract: str,
    accept_licence: bool,
    fetch: bool,
    note: Callable[[str], None],
) -> ModelRef:
    file = hub.parse(reference)
    what = hub.address(file)
    if hub.find(file) is None:
        if not fetch:
            note(f"{what}: would be fetched")
            return ModelRef(what, "")
        if not hub.is_offline(offline):
            page = f"{hub.endpoint()}/{file.repo}"
            licences.check(f"hf://{file.repo}", hub.licence_of(file, what), what, accept_licence, page)
    found = hub.fetch(file, what, offline=offline, note=note)
    return _from_file(found.path, what, what, contract, accept_licence)


def _from_file(path: Path, name: str, told: str, contract: str, accept_licence: bool) -> ModelRef:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise ModelError(f"{told}: can't be read ({error.strerror})") from error
    if not head:
        raise ModelError(f"{told}: the file is empty; fetch or export it again")
    if head.lstrip()[:1] == b"<":
        raise ModelError(f"{told}: this is a web page, not an ONNX model; download the raw file")
    description = runtime.describe(path)
    plugin, chosen = _recognise(description, told, contract)
    digest = sha256(path)
    stated = description.metadata.get("outpaint.licence", "")
    if stated:
        licences.check(f"sha256:{digest}", stated, told, accept_licence)
    revision = f"{digest[:12]}:{contract}" if contract else digest[:12]
    return ModelRef(name, plugin, path, revision, chosen)


def _contracts() -> dict[str, tuple[str, OnnxContract]]:
    """The contracts that can be chosen, by name, each with its plugin's name."""
    return {
        contract.name: (plugin.name, contract)
        for plugin in registry.plugins()
        for contract in plugin.contracts
        if contract.accepts is not None
    }


def _recognise(description: OnnxDescription, told: str, asked: str) -> tuple[str, str]:
    """The plugin and the contract of a file. Raises ModelError where it is none, or could be several."""
    contracts = _contracts()
    inputs = ", ".join(f"{t.name} {t.type} {list(t.shape)}" for t in description.inputs)
    outputs = ", ".join(f"{t.name} {t.type} {list(t.shape)}" for t in description.outputs)
    if asked:
        plugin, contract = contracts[asked]
        why = contract.accepts(description) if contract.accepts else ""
        if why:
            raise ModelError(f"{told}: can't be run as --onnx-contract {asked}: {why} (inputs: {inputs})")
        return plugin, asked
    hits = [(p.name, c.name) for p in registry.plugins() for c in p.contracts if _recognised(c, description)]
    if len(hits) == 1:
        return hits[0]
    choose = f"--onnx-contract {'|'.join(contracts)}"
    if hits:
        names = ", ".join(name for _, name in hits)
        raise ModelError(f"{told}: could be any of {names}: say which with {choose}")
    raise ModelError(
        f"{told}: no plugin knows what to do with this model (inputs: {inputs}; outputs: {outputs}); where you know "
        f"that it is of a known kind, say so with {choose}"
    )


def _recognised(contract: OnnxContract, description: OnnxDescription) -> bool:
    try:
        return contract.recognises(description)
    except Exception:  # a stranger's code: a broken plugin stops nothing
        return False


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
