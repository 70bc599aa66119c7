"""What the manual page says beyond the options: roff, as docs/cli.md has it."""

from __future__ import annotations

ENDING = r"""
.SH EXIT STATUS
.TP
.B 0
all done or skipped
.TP
.B 1
a fault of the program
.TP
.B 2
wrong usage, or a path that is not there
.TP
.B 3
at least one file failed; all others were done
.TP
.B 4
a model or plugin is not to be had
.TP
.B 5
the device asked for is not there
.TP
.B 130, 143
stopped by Ctrl\-C or SIGTERM; everything finished so far is intact
.TP
.B 141
the reader of standard output went away
.SH ENVIRONMENT
.TP
.B OUTPAINT_NAME
Every option reads the variable of its name, as \-\-strip\-metadata reads OUTPAINT_STRIP_METADATA: 1 or 0 for those
without a value, several values apart by blanks and quoted as in a shell. What is empty is not set.
.TP
.B OUTPAINT_DEBUG
1 shows tracebacks.
.TP
.B HF_HUB_OFFLINE
1 is \-\-offline.
.TP
.B NO_COLOR
No colours.
.SH FILES
.TP
.B outpaint.toml
Options and presets of the working folder; the user's own come after it. outpaint config show says where each is and
which counts.
.TP
.B .outpaint/journal.jsonl
In an output folder: how each output was made.
""".strip().splitlines()
