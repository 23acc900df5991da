"""Follow the runs of a ThreadRunner server over its WebSocket."""

from threadrunner_client.async_client import AsyncClient
from threadrunner_client.async_subscription import AsyncCreatedRun, AsyncSubscription
from threadrunner_client.client import Client
from threadrunner_client.errors import (
    AuthenticationError,
    ConnectionLost,
    EventsExpired,
    EventUnavailable,
    FrameError,
    ProtocolError,
    RunCreationError,
    StreamTimeout,
    SubscriptionError,
    ThreadRunnerError,
)
from threadrunner_client.ordering import Event, EventId, EventOrder, Frame, Gap
from threadrunner_client.sdk import as_sdk_event
from threadrunner_client.subscription import CreatedRun, Subscription
from threadrunner_client.timing import Timing

__all__ = [
    "AsyncClient",
    "AsyncCreatedRun",
    "AsyncSubscription",
    "AuthenticationError",
    "Client",
    "ConnectionLost",
    "CreatedRun",
    "Event",
    "EventId",
    "EventOrder",
    "EventUnavailable",
    "EventsExpired",
    "Frame",
    "FrameError",
    "Gap",
    "ProtocolError",
    "RunCreationError",
    "StreamTimeout",
    "Subscription",
    "SubscriptionError",
    "ThreadRunnerError",
    "Timing",
    "as_sdk_event",
]
