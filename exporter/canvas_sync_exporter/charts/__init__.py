"""SVG charts for pages and e-mails: geometry in Python, markup in ``templates/charts/``.

Horizontal positions are in percent; vertical ones and sizes are in pixels, so text keeps its size
however narrow the page is. Each chart has a sentence for people who cannot see the picture; a table
beside the chart should have its figures.

Charts contain no styles: the page includes ``charts/style.css`` and ``style/tokens.css``.
"""
