"""The HTTP API: thin, it turns requests into queries and pages into JSON."""
