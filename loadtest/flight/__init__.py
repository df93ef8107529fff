"""Flight records of a bridge: reading them, replaying the estimator over them, making lines of them."""

from loadtest.flight.commands import add_commands
from loadtest.flight.record import FlightRecord, read_records

__all__ = ["FlightRecord", "add_commands", "read_records"]
