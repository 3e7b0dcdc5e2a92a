"""What workers share, in Redis: jobs, batches, dead letters, targets, vectors. Celery's messages only wake workers."""
