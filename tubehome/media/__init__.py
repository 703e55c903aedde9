"""Everything that looks into a video or makes one: files in, files out.

Knows no database, no Flask, no queue; a caller hands in paths and a `Tools` value, and gets values and files
back. The way through: `check.check` → `encode.remux_if_needed` → `plan.plan` → `sound.make_sound` →
`top.copy_top`, or for each range `ranges.encode_range` → `growing.append` → `growing.rendition` →
`progressive.progressive`, `storyboard.storyboard`; and `images.thumbnails` at any moment.

Rules: only `ffmpeg.py` starts programs, always through the launcher. Nothing is done in place: a caller names
a temporary file and moves it once the call has returned. Exit code 0 proves nothing: what was written is read
back and counted before a function returns. The same input and ffmpeg give the same bytes; an encoded rung does so
only with one thread (`coders.X264` says why).
"""
