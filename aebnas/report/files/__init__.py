"""The other files of a report: CSV, winners, studies, figures."""
