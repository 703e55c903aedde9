"""What the server says while it runs: to stderr, warnings and faults; a fault is one line unless debugging."""

from __future__ import annotations

import logging
import sys
import traceback


class _Plain(logging.Formatter):
    def __init__(self, debug: bool) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._debug = debug

    def formatException(self, ei: object) -> str:
        fault = ei[1] if isinstance(ei, tuple) else None
        if fault is None or self._debug:
            return super().formatException(ei)  # type: ignore[arg-type]
        frames = traceback.extract_tb(fault.__traceback__)
        place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
        return f"  {type(fault).__name__}: {fault}{place}"


def to_stderr(debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain(debug))
    logging.basicConfig(handlers=[handler], level=logging.INFO if debug else logging.WARNING, force=True)
