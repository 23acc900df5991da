"""A real browser, driven over the DevTools protocol: Chromium or Chrome, whichever is installed.

A driver's package would bring a browser's worth of code for what a WebSocket and some messages do:
https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# Long, because the first run of a fresh stack waits for its functions to start.
_PATIENCE_SECONDS = 60.0
_OPTIONS = (
    "--headless",
    # A container's root has no other way; nothing but pages of this machine is opened.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
# What a key is called, its code, and the text that it types.
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "Home": (36, ""),
    " ": (32, " "),
}
_SHIFT = 8


class BrowserError(Exception):
    """The browser did not start, or did not do what it was told."""


def find_browser() -> str | None:
    """Return the browser of the variable BROWSER_PATH, or the first one on the PATH."""
    named = os.environ.get("BROWSER_PATH")
    return named or next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


class Page:
    """One tab, with a storage of its own.

    Attributes:
        problems: exceptions, and errors of the console, since the page was opened; what the page's
            policy forbids is among them.
    """

    def __init__(self, browser: "Browser", session: str) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._session = session
        self._loads = 0
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    # What is there.

    def evaluate(self, expression: str) -> Any:
        """Return what an expression gives, as JSON; a promise is waited for.

        Raises:
            BrowserError: it threw.
        """
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(_words_of(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_for(self, condition: str, seconds: float = _PATIENCE_SECONDS) -> Any:
        """Return what an expression gives as soon as that is something.

        Raises:
            BrowserError: it did not become true in time.
        """
        waiting = f"""new Promise((resolve, reject) => {{
          const end = performance.now() + {seconds * 1000};
          const look = () => {{
            const found = {condition};
            if (found) resolve(found);
            else if (performance.now() > end) reject(new Error("It did not happen in time."));
            else setTimeout(look, 10);
          }};
          look();
        }})"""
        try:
            return self.evaluate(waiting)
        except BrowserError as error:
            shown = self.evaluate("document.body.innerText")
            raise BrowserError(f"{condition}: {error}\n{self.problems}\n{shown}") from None

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        text: str = self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")
        return text

    def accessible(self) -> list[tuple[str, str]]:
        """Return role and name of everything that a screen reader finds."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (str(node["role"]["value"]), str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node["ignored"]
        ]

    # What a person does.

    def open(self, url: str) -> None:
        """Open an address, and wait until the page and its scripts have loaded."""
        self._load("Page.navigate", url=url)

    def reload(self) -> None:
        """Load the page anew, and wait until it has loaded."""
        self._load("Page.reload")

    def fill(self, selector: str, text: str) -> None:
        """Put a text into a field, in place of what it holds."""
        field = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{field}.focus(), {field}.select()")
        self.type(text)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        code, text = _KEYS[key]
        pressed = {
            "key": key,
            "code": "Space" if key == " " else key,
            "windowsVirtualKeyCode": code,
            "modifiers": _SHIFT if shift else 0,
        }
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self._call("Input.dispatchKeyEvent", **pressed, **down)
        self._call("Input.dispatchKeyEvent", **pressed, type="keyUp")

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        place = self.evaluate(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{ block: "nearest" }});
              const {{ x, y, width, height }} = element.getBoundingClientRect();
              const point = {{ x: x + width / 2, y: y + height / 2 }};
              const hit = document.elementFromPoint(point.x, point.y);
              return element.contains(hit) && !element.disabled ? point : null;
            }})()"""
        )
        if place is None:
            raise BrowserError(f"{selector} cannot be clicked: it is covered, hidden or disabled.")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    # How it is looked at.

    def resize(self, width: int, height: int, *, phone: bool = False, scale: float = 1) -> None:
        """Look through a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, **features: str) -> None:
        """Set what the user prefers: `prefers_color_scheme="dark"`."""
        chosen = [{"name": name.replace("_", "-"), "value": features[name]} for name in features]
        self._call("Emulation.setEmulatedMedia", features=chosen)

    def screenshot(self) -> bytes:
        """Return a picture of what is seen, as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _load(self, method: str, **parameters: Any) -> None:
        before = self._loads
        self._call(method, **parameters)
        while self._loads == before:
            self._browser.read()

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, parameters, self._session)

    def note(self, method: str, parameters: dict[str, Any]) -> None:
        """Take in an event of the browser."""
        if method == "Page.loadEventFired":
            self._loads += 1
        elif method == "Runtime.exceptionThrown":
            self.problems.append(_words_of(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            self.problems.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            values = [str(value.get("value", "")) for value in parameters["args"]]
            self.problems.append(" ".join(values))


class Browser:
    """A browser that runs; use `run_browser`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._pages: dict[str, Page] = {}
        self._asked = 0

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A new tab, which shares nothing with the others."""
        context = self.call("Target.createBrowserContext", {})["browserContextId"]
        where = {"url": "about:blank", "browserContextId": context}
        target = self.call("Target.createTarget", where)["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        session = attached["sessionId"]
        page = self._pages[session] = Page(self, session)
        try:
            yield page
        finally:
            del self._pages[session]
            self.call("Target.disposeBrowserContext", {"browserContextId": context})

    def call(
        self, method: str, parameters: dict[str, Any], session: str | None = None
    ) -> dict[str, Any]:
        """Have the browser do something; return its answer.

        Raises:
            BrowserError: it refused.
        """
        self._asked += 1
        asked = {"id": self._asked, "method": method, "params": parameters}
        self._connection.send(
            json.dumps(asked if session is None else asked | {"sessionId": session})
        )
        while (message := self.read()).get("id") != self._asked:
            pass
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def read(self) -> dict[str, Any]:
        """Return what the browser says next; a page is told its events.

        Raises:
            TimeoutError: it says nothing.
        """
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=2 * _PATIENCE_SECONDS))
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.note(message["method"], message["params"])
        return message


class _Process:
    """The browser's process, with a profile that goes when it ends."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(
            prefix="threadrunner-browser-", ignore_cleanup_errors=True
        )
        self._process = subprocess.Popen(
            [program, *_OPTIONS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._profile.cleanup()

    def address(self) -> str:
        """Return where it listens, as it says by itself."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "DevTools listening on " in line:
                return line.split("DevTools listening on ")[1].strip()
        raise BrowserError(f"The browser did not start:\n{''.join(said)}")


@contextmanager
def run_browser(program: str) -> Iterator[Browser]:
    """Run a browser for as long as the context lasts.

    Raises:
        BrowserError: it did not start.
    """
    with (
        _Process(program) as process,
        connect(process.address(), max_size=None, compression=None) as connection,
    ):
        yield Browser(connection)


def _words_of(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    return str(exception.get("description") or details["text"])
