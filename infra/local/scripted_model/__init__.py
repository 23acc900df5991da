"""A scripted, OpenAI-compatible model server. It is not a language model.

It lets people develop, demonstrate, test and measure ThreadRunner without a model or an account: it
streams prepared text at a set pace, calls the offered tools when it is asked to, and can be told to
fail, stall or cut the connection. `docs/scripted-model.md` is its manual.

Pure parts, which know no socket::

    script.py, chat_request.py -> decision.py -> reply.py -> timeline.py -> wire.py

The server around them: `app.py` (routes), `playback.py` (a reply against the clock), `recorder.py`
(what was asked of it), `connection.py` and `server.py` (sockets).
"""

from infra.local.scripted_model.recorder import RequestRecord
from infra.local.scripted_model.server import ScriptedModelServer

__all__ = ["RequestRecord", "ScriptedModelServer"]
