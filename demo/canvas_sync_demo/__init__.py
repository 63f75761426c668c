"""The demo: a simulated Canvas LMS, a reference sync app, and a command that runs both."""
