"""The route `multispan`: a model writes spans of titles, and the titles that hold them are the candidates."""
