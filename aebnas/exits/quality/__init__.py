"""How well exits and policies do: calibration, selectivity, comparison."""
