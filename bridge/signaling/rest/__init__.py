"""The REST API of vendors' servers, and its description at `/v1/openapi.json`."""

from bridge.signaling.rest.door import RestDoor

__all__ = ["RestDoor"]
