"""What a server would do with a query, and why: the exchange itself, run on a copy of a site."""
