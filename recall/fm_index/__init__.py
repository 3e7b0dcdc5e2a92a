"""An FM-index over titles as tokens: which spans exist, what may follow one, which products hold it."""
