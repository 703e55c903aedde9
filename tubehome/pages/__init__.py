"""Reads that cross rooms: one frozen dataclass a page, filled here, shown by a template (or an API shape).

Rules: nothing is written; addresses are paths without a language (the template adds it); times are aware
datetimes, durations seconds, sizes bytes; what the viewer may not see is not in here.
"""
