"""The HTML report: one self-contained page about a batch, or about several models on the same photos.

>>> report = Report.at(Path("report.html"), "outpaint extend", facts)
>>> report.add(event)  # as events come; thumbnails are made in a thread
>>> report.write(summary)  # whole or not at all
"""

from outpaint_cli.report.facts import Facts, machine_facts, model_facts, settings_facts
from outpaint_cli.report.report import Column, Report, check_path
from outpaint_cli.report.sheet import SheetRow, contact_sheets
from outpaint_cli.report.thumbnails import Shot, Shots

__all__ = [
    "Column",
    "Facts",
    "Report",
    "SheetRow",
    "Shot",
    "Shots",
    "check_path",
    "contact_sheets",
    "machine_facts",
    "model_facts",
    "settings_facts",
]
