"""Links and sockets."""
