"""From the words of a query straight to products, by a tree of linear classifiers."""
