"""Examines a vendor's client: a door before a real bridge, which watches what the client says and gets in its way."""
