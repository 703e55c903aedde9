"""Serves a data folder's web part on a free port, under gunicorn as it is in earnest: `ready http://127.0.0.1:…`.

    python tests/web/look/serve_web.py FOLDER

No worker runs, so the demo's rows stay as they are.
"""

from __future__ import annotations

import socket
import sys

from tubehome import boot, wsgi

if __name__ == "__main__":
    site, held = boot.open_site(boot.locate(sys.argv[1], None), may_migrate=True)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with held:
        sys.exit(
            wsgi.run(
                site,
                listener,
                after_fork=lambda parent: None,
                ready=lambda: print(f"ready http://127.0.0.1:{port}/", flush=True),
            )
        )
