"""multirecall: hybrid multi-recall product search.

The folders of this package are links to the folders at the top of the repository
(`docs/decisions/0001-one-import-root.md` says why).
"""

__version__ = "0.1.0"
