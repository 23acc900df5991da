"""The playground as a person uses it, in a real browser."""

import json
from dataclasses import dataclass

from openai.types.beta.function_tool_param import FunctionToolParam

from tests.support.browser import Page

_LAST_ANSWER = "[...document.querySelectorAll('.message.assistant')].at(-1)"
_LAST_TEXT = f"{_LAST_ANSWER}?.querySelector('.text').textContent"


@dataclass(frozen=True, slots=True)
class Playground:
    """The page in one tab.

    Attributes:
        page: the tab.
        base_url: the API's, beside which the page is served.
        api_key: a key of a project.
    """

    page: Page
    base_url: str
    api_key: str

    def open(self) -> None:
        """Open the page."""
        self.page.open(self.base_url.removesuffix("/v1") + "/playground")

    def connect(self) -> None:
        """Open the page and give it the key."""
        self.open()
        self.page.fill("#api-key", self.api_key)
        self.page.press("Enter")
        self.page.wait_for("!document.querySelector('#make-assistant').disabled")

    def choose(self, assistant_id: str) -> None:
        """Choose an assistant; "" stands for a new one."""
        choice = "document.querySelector('#assistant')"
        chosen = f"{choice}.value = {json.dumps(assistant_id)}"
        self.page.evaluate(f"{chosen}, {choice}.dispatchEvent(new Event('change'))")

    def make_assistant(self, name: str, model: str, *tools: FunctionToolParam) -> None:
        """Make an assistant, which is then the one to talk to."""
        page = self.page
        self.unfold("assistants")
        self.choose("")
        page.fill("#assistant-name", name)
        page.fill("#assistant-model", model)
        page.fill("#assistant-instructions", "Be brief.")
        page.fill("#assistant-tools", json.dumps(tools, indent=2) if tools else "")
        page.click("#make-assistant")
        page.wait_for(
            f"document.querySelector('#assistant-now').textContent === {json.dumps(name)}"
        )

    def unfold(self, section: str) -> None:
        """Open one of the page's sections."""
        self.page.evaluate(f"document.querySelector('#{section}').open = true")

    def say(self, text: str) -> None:
        """Write a message and send it."""
        self.page.fill("#message", text)
        self.page.press("Enter")

    def wait_for_status(self, text: str) -> None:
        """Wait until the page says how things are."""
        self.page.wait_for(f"document.querySelector('#status').textContent === {json.dumps(text)}")

    def wait_for_answer(self, length: int, also: str = "true") -> None:
        """Wait until so many characters of an answer are there, while it is still being written.

        Args:
            length: how many.
            also: what must be true at the same moment.
        """
        busy = f"{_LAST_ANSWER}?.ariaBusy === 'true'"
        self.page.wait_for(f"{busy} && {_LAST_TEXT}.length >= {length} && {also}")

    def wait_for_text(self, length: int) -> None:
        """Wait until so many characters of an answer are there, finished or not."""
        self.page.wait_for(f"{_LAST_TEXT}?.length >= {length}")

    def answer(self) -> str:
        """Return the text of the last answer."""
        text: str = self.page.evaluate(_LAST_TEXT)
        return text

    def event_ids(self) -> list[tuple[int, int]]:
        """Return the ids of the events that the log shows, as numbers."""
        items = "[...document.querySelectorAll('#event-list li > :first-child')]"
        # The log is drawn once a frame.
        self.page.evaluate("new Promise(requestAnimationFrame)")
        texts: list[str] = self.page.evaluate(f"{items}.map((item) => item.textContent)")
        pairs = [text.split("-") for text in texts if "-" in text]
        return [(int(epoch), int(seq)) for epoch, seq in pairs]

    def count(self, name: str) -> int:
        """Return one of the counters beside the event log."""
        self.page.evaluate("new Promise(requestAnimationFrame)")
        return int(self.page.text(f"#count-{name}"))
