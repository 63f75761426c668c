"""Messages about incidents and reports, sent by the exporter itself to Slack, e-mail and others.

:mod:`.content` says what a message holds, independent of any channel. Each channel renders it in
its own format and delivers it, as :mod:`.channel` describes.
"""
