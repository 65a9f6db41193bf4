"""How searches and trainings are shown."""
