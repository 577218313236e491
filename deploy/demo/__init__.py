"""The demo and everything that has to start a whole Quartermaster on one machine.

``stack`` starts the pieces as the real processes they are; ``proxy`` is the wire that can be cut;
``show`` is the live table; ``play`` is the story that the demo tells; ``verdict`` compares the
cloud's ledger with the oracle; ``cli`` holds the commands ``demo`` and ``simulate``.
"""
