"""The doors of sign-in: a browser's way from a link to a join token, and what vendors' servers and portals ask for."""
