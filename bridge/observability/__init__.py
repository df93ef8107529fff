"""What the bridge tells its operator: metrics, structured logs, health, and the rooms it holds right now.

Nothing here knows a name, an address or a token, and the log sees to it that none slips through.
"""

from bridge.observability.admin import AdminClient, AdminServer
from bridge.observability.health import Health
from bridge.observability.load_history import Counts, LoadHistory
from bridge.observability.logs import configure_logging
from bridge.observability.loop_lag import LoopLag
from bridge.observability.metrics import Metrics
from bridge.observability.operator_events import EventLogHandler, OperatorEvents
from bridge.observability.quality import QualitySampler

__all__ = [
    "AdminClient",
    "AdminServer",
    "Counts",
    "EventLogHandler",
    "Health",
    "LoadHistory",
    "LoopLag",
    "Metrics",
    "OperatorEvents",
    "QualitySampler",
    "configure_logging",
]
