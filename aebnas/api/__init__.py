"""What AEBNAS offers to programs: the functions behind ``import aebnas``, which the command line calls too.

They take paths or what other functions returned, return values with types, raise ``AebnasError`` and print
nothing.  Each imports what it needs when it is called: a mistake in a file is told before torch is read from
the disk.
"""
