"""``exits.html``: all exit policies of one network side by side."""
