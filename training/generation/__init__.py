"""The sequence model that rewrites, codes, spans and semantic ids are generated with: made, taught, exported."""
