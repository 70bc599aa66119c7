"""Outpaint in Python: the three commands on Pillow images and on files.

>>> from outpaint_cli import extend
>>> wide = extend("photo.jpg", aspect="16:9")  # a Pillow image
>>> wide.save("wide.png")

:func:`extend`, :func:`inpaint` and :func:`harmonize` take one picture, a path or a Pillow image, and return a
Pillow image. :func:`extend_files`, :func:`inpaint_files` and :func:`harmonize_files` take files and folders and
write files, as the commands do; they return a :class:`Batch`, a generator of events:

>>> from outpaint_cli import extend_files
>>> for event in extend_files(["photos"], out="wide", aspect="16:9"):
...     print(event.status, event.output, event.error)

They do what the command line does, with the same defaults, pixel for pixel, but read neither ``outpaint.toml``
nor OUTPAINT_* variables. What is wrong raises a subclass of :class:`outpaint_cli.plugin.OutpaintError`; in a
batch a bad file is an event whose ``status`` is "failed".
"""

from outpaint_cli.api._files import FileOptions, extend_files, harmonize_files, inpaint_files
from outpaint_cli.api._given import Photo, PictureOptions
from outpaint_cli.api._single import extend, harmonize, inpaint
from outpaint_cli.batch.events import Event
from outpaint_cli.batch.session import Batch

__all__ = [
    "Batch",
    "Event",
    "FileOptions",
    "Photo",
    "PictureOptions",
    "extend",
    "extend_files",
    "harmonize",
    "harmonize_files",
    "inpaint",
    "inpaint_files",
]
