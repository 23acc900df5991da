"""Follow the runs of a ThreadRunner server over its WebSocket."""

from threadrunner_client.client import Client
from threadrunner_client.errors import (
    AuthenticationError,
    ConnectionLost,
    EventsExpired,
    EventUnavailable,
    FrameError,
    ProtocolError,
    StreamTimeout,
    SubscriptionError,
    ThreadRunnerError,
)
from threadrunner_client.ordering import Event, EventId, EventOrder, Frame, Gap
from threadrunner_client.sdk import as_sdk_event
from threadrunner_client.subscription import Subscription
from threadrunner_client.timing import Timing

__all__ = [
    "AuthenticationError",
    "Client",
    "ConnectionLost",
    "Event",
    "EventId",
    "EventOrder",
    "EventUnavailable",
    "EventsExpired",
    "Frame",
    "FrameError",
    "Gap",
    "ProtocolError",
    "StreamTimeout",
    "Subscription",
    "SubscriptionError",
    "ThreadRunnerError",
    "Timing",
    "as_sdk_event",
]
