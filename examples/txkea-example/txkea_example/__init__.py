"""Two providers for txkea, to learn from: the tutorial in its manual goes through them."""
