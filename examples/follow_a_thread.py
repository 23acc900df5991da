"""Watch everything that happens on a thread: `python -m examples.follow_a_thread thread_…`.

Give it a thread that another program is talking on, and end it with Ctrl-C.
"""

import sys

from examples.connection import connect
from threadrunner_client import Client

if len(sys.argv) != 2:
    sys.exit("Name a thread: python -m examples.follow_a_thread thread_…")
service = connect()

try:
    with (
        Client(service.websocket_url, service.api_key) as client,
        client.subscribe(thread_id=sys.argv[1]) as events,
    ):
        for event in events:
            print(f"{event.run_id}  {event.id:>6}  {event.event}", flush=True)
except KeyboardInterrupt:
    print()
