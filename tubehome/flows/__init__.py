"""Acts that cross rooms: one file and one public function each.

Rules: an act is one transaction plus what is rung after its commit; files move into their final place before
the commit that speaks of them. Nothing here knows of HTTP or of the terminal.
"""
