"""Messages in the database: an outbox that any number of exporters send from.

A unique index lets one of several exporters insert a message. To send it, an exporter claims it by
a conditional update. A claim expires, so a message is not lost when its exporter dies.
"""
