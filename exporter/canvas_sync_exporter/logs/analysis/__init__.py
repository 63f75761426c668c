"""The analysis of the logs: summaries of files, merged into one report.

Each file is read once into a summary of a few kilobytes (:mod:`.scan`, with one section per log);
summaries are cached next to the logs (:mod:`.cache`) and merged (:mod:`.analyze`); the report
(:mod:`.report`) has all figures, and :mod:`.text` and :mod:`.page` show the same ones.
"""
