"""Code of users, named in their files as ``package.module:Name``: found, allowed, loaded, identified."""
