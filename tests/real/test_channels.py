"""Control channels under attack (hostile.md C20-C22): the server lives, stays small, serves DHCP and its operator."""
