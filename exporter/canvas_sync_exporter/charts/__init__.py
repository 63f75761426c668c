"""SVG charts for pages and e-mails: geometry in Python, markup in ``templates/charts/``.

Horizontally everything is placed in percent; vertically, and in size, in pixels. So text keeps its
size however narrow the page is. Each chart has a sentence in place of the picture for those who
cannot see it; a table beside the chart should have its figures.

No chart has a style of its own: a page includes ``charts/style.css`` and ``style/tokens.css``.
"""
