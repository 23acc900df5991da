"""Takes the picture of docs/playground.md, on a stack of its own: `make screenshot`."""

import sys
from pathlib import Path

from openai.types.beta.function_tool_param import FunctionToolParam

from infra.local.options import StackOptions
from tests.support.browser import find_browser, run_browser
from tests.support.playground import Playground
from tests.support.stacks import fresh_stack, info_of

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "playground.png"
SIZE = (1280, 800)
TOOL: FunctionToolParam = {
    "type": "function",
    "function": {
        "name": "next_departure",
        "description": "When the next boat to a place leaves.",
        "parameters": {
            "type": "object",
            "properties": {"destination": {"type": "string"}},
            "required": ["destination"],
        },
    },
}
QUESTION = 'When does the next boat leave? Please use next_departure with {"destination": "Hvar"}.'
OUTPUT = '{"departs": "12:40", "pier": 3}'
SECOND_QUESTION = "And what if I miss it?"
# Characters of the second answer: when the connection is cut, and when the picture is taken.
CUT_AT, TAKEN_AT = 40, 150


def take_picture(playground: Playground, model: str) -> bytes:
    """Hold a conversation, and return a picture of it from the middle of an answer."""
    page = playground.page
    page.resize(*SIZE)
    playground.connect()
    playground.make_assistant("Harbour master", model, TOOL)
    page.fill("#price-in", "1.1")
    page.fill("#price-out", "4.4")
    playground.say(QUESTION)
    page.wait_for("document.querySelector('.outputs')")
    page.type(OUTPUT)
    page.press("Enter")
    playground.wait_for_status("Done.")
    playground.say(SECOND_QUESTION)
    playground.wait_for_answer(CUT_AT)
    page.click("#cut")
    playground.wait_for_text(TAKEN_AT)
    return page.screenshot()


def main() -> int:
    """Take the picture; return the exit code."""
    program = find_browser()
    if program is None:
        print("There is no Chromium or Chrome: install one, or name it in BROWSER_PATH.")
        return 1
    with (
        fresh_stack("e2e-screenshot", StackOptions(), say=print) as stack,
        run_browser(program) as browser,
        browser.page() as page,
    ):
        info = info_of(stack)
        playground = Playground(page, info.base_url, info.api_key)
        PICTURE.write_bytes(take_picture(playground, info.model.name))
    print(f"{PICTURE} has {PICTURE.stat().st_size // 1024} KB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
