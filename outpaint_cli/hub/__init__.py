"""The Hugging Face Hub: files by reference, checked, in huggingface_hub's own cache; and publishing.

>>> file = parse("hf://owner/repo@1a2b3c/folder/model.onnx")
>>> fetched = fetch(file, "model 'x'")  # a checked local file, or a ModelError that says what to do
"""

from outpaint_cli.hub._cache import Cached, cache_folder, find, forget, is_ours, ours
from outpaint_cli.hub._client import endpoint, is_offline
from outpaint_cli.hub._fetch import Fetched, Wanted, check, fetch
from outpaint_cli.hub._known import VGG16
from outpaint_cli.hub._licence import licence_of
from outpaint_cli.hub._probe import ask, has_token
from outpaint_cli.hub._push import push
from outpaint_cli.hub._reference import PREFIX, address, parse

__all__ = [
    "PREFIX",
    "VGG16",
    "Cached",
    "Fetched",
    "Wanted",
    "address",
    "ask",
    "cache_folder",
    "check",
    "endpoint",
    "fetch",
    "find",
    "forget",
    "has_token",
    "is_offline",
    "is_ours",
    "licence_of",
    "ours",
    "parse",
    "push",
]
