"""Resumable uploads (tus 1.0): rows that say what is coming, files that hold what has come.

Rules: the file's size is the offset, there is no second truth; whoever writes holds the file's lock; what was
said to be received is on the disk. The web writes bytes, the worker judges them (`flows.accept`).
"""
