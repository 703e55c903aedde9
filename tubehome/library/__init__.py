"""Videos and channels: models, the state of processing, who may see what, and the queries of lists.

Rules: `Video` carries columns, not behaviour. Three columns say three things: `processing` (where the
pipeline is; written by `processing.move` alone), `visibility` (who may see it), `removed` (why it is gone).
Who may see a video is decided by `access.may_see` and nowhere else.
"""
