"""Where candidates are trained: nodes of a Ray cluster, or this machine, and the process that speaks to Ray.

Ray lives in a process of its own (``actors.py``, ``session.py``, ``tokens.py``): whatever dies
in it, and whatever its C++ part prints, ends neither the search nor its terminal.  The search's side
(``remote.py``, ``aside.py``, ``roster.py``, ``nodes.py``) never imports it.
"""
