"""Advisory locks on open files: the system lets go of them when their process ends, however it ends."""

from __future__ import annotations

import sys
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 40  # a byte that no file has: others can read and write the file meanwhile

    def lock(file: IO[Any], *, wait: bool) -> bool:
        """Lock ``file`` for this process alone; False where another holds it and ``wait`` is false."""
        at = file.tell()
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(at)
        return True

else:
    import fcntl

    def lock(file: IO[Any], *, wait: bool) -> bool:
        """Lock ``file`` for this process alone; False where another holds it and ``wait`` is false.

        True as well on file systems that know no locks: there is nothing to be had.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return wait
        return True
