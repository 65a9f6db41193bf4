"""What people read after a search: a page, a table, the winners' files."""

from aebnas.report.files.paper_figures import write_figures
from aebnas.report.files.winners import Winner, WinnerPoint, load_winner
from aebnas.report.report import ReportFiles, write_report
from aebnas.report.text.terminal import front_table

__all__ = [
    "ReportFiles",
    "Winner",
    "WinnerPoint",
    "front_table",
    "load_winner",
    "write_figures",
    "write_report",
]
