"""Query→MultiSpan: a model that writes spans of titles for a query (sheet 3, part 2A)."""
