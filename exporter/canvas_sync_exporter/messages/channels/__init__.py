"""The channels that deliver messages: Slack, e-mail, webhooks and Apprise.

:mod:`.cutting` bounds what a message holds, the ``*_format`` modules render it, and one module for
each channel delivers it. Both are independent of each other's details.
"""
