"""Takes what a phone wrote with no network, and gives it its list of parties."""
