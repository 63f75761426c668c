"""The demo: a simulated Canvas LMS, a reference sync app, and a show that runs both."""
