"""What every backend that a server reaches over a connection has in common: parameters, groups, reconnection."""
