"""tubehome: one person's own video site, on a small machine. Start reading at docs/design.md."""

__version__ = "0.1.0"
