"""Fronts of a run: operating points as a search and a report see them, and who dominates whom."""
