"""Celery workers: the app, its tasks, and the store in Redis that they share."""
