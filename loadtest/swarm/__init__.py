"""Participants that cost little: the least that is a WebRTC client, so that one core can play hundreds."""
