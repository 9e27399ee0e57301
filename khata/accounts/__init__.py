"""People, how they sign in, their shops, members, devices and sessions."""
