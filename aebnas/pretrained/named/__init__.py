"""Pretrained networks that have a name of their own: their graph is ours, their weights come in packages."""
