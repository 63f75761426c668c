"""The channels that deliver messages: Slack, e-mail, webhooks and Apprise.

:mod:`.cutting` bounds what a message holds. :mod:`.block_kit`, :mod:`.html` and :mod:`.plain_text`
render it. One module for each channel delivers it, and :mod:`.factory` makes the channels.
"""
