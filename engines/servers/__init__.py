"""What Elasticsearch and OpenSearch share, and one file for what each does its own way."""
