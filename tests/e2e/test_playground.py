"""The playground in a real browser, on the whole service.

Without Chromium or Chrome the tests are skipped, unless THREADRUNNER_BROWSER=required says that
there must be one.
"""

import os
from collections.abc import Iterator

import pytest
from openai.types.beta.function_tool_param import FunctionToolParam

from infra.local.info import StackInfo
from tests.support.browser import Browser, Page, find_browser, run_browser
from tests.support.playground import Playground
from tests.support.service import Service, script, tokens

NAME = "Harbour master"
WEATHER: FunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
DESKTOP = (1360, 860)
PHONE = (360, 740)
MISSING = "There is no Chromium or Chrome: install one, or name it in BROWSER_PATH."
pytestmark = pytest.mark.skipif(
    find_browser() is None and os.environ.get("THREADRUNNER_BROWSER") != "required",
    reason=MISSING,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of this machine."""
    program = find_browser()
    assert program is not None, MISSING
    with run_browser(program) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab, in which nothing may go wrong that the browser would tell of."""
    with browser.page() as tab:
        tab.resize(*DESKTOP)
        yield tab
        assert tab.problems == []


@pytest.fixture(scope="module")
def service(stack: StackInfo) -> Service:
    """The service by its API."""
    return Service(stack, stack.base_url)


@pytest.fixture(scope="module")
def assistant_id(service: Service) -> str:
    """An assistant with a function."""
    model = service.info.model.name
    made = service.sdk.beta.assistants.create(model=model, name=NAME, tools=[WEATHER])
    return made.id


@pytest.fixture
def playground(page: Page, stack: StackInfo, assistant_id: str) -> Playground:
    """The page, connected, with an assistant."""
    opened = Playground(page, stack.base_url, stack.api_key)
    opened.connect()
    opened.choose(assistant_id)
    return opened


def test_an_answer_appears_while_the_run_goes_on(playground: Playground) -> None:
    playground.say(script({"text": {"tokens": 120}, "rate": 40}))
    status = "document.querySelector('#status').textContent"
    playground.wait_for_answer(20, f"{status} === 'The assistant is answering …'")
    playground.wait_for_status("Done.")
    assert playground.answer() == tokens(120)
    assert playground.page.text("#tokens-out") == "120"
    assert playground.page.text(".message.assistant h3") == NAME


@pytest.mark.parametrize("way", ["uvicorn", "gateway"])
def test_the_page_works_at_the_root_and_behind_a_stage(
    page: Page, stack: StackInfo, service: Service, way: str
) -> None:
    base_url = stack.base_url if way == "uvicorn" else stack.gateway_base_url
    playground = Playground(page, base_url, stack.api_key)
    playground.connect()
    assert page.evaluate("document.querySelector('#base-url').value") == base_url
    name = f"Made {way}"
    playground.make_assistant(name, stack.model.name, WEATHER)
    made = next(each for each in service.sdk.beta.assistants.list() if each.name == name)
    assert (made.instructions, len(made.tools)) == ("Be brief.", 1)
    playground.say(script({"text": "Good day."}))
    playground.wait_for_status("Done.")
    assert playground.answer() == "Good day."


def test_a_function_call_is_answered_by_hand_and_the_run_goes_on(playground: Playground) -> None:
    page = playground.page
    call = {"name": "get_weather", "arguments": {"city": "Bergen"}}
    playground.say(script({"text": "Let me see.", "calls": [call]}, {"text": "Take an umbrella."}))
    page.wait_for("document.activeElement.closest('.outputs')")
    assert page.text(".outputs label code") == "get_weather"
    assert page.text(".call .call-state") == "waits for you"
    page.type("rain, 9 degrees")
    page.press("Enter")
    playground.wait_for_status("Done.")
    assert playground.answer() == "Take an umbrella."
    assert page.text(".call pre[aria-label=Output]") == "rain, 9 degrees"
    assert page.text(".call .call-state") == "done"
    assert page.evaluate("document.querySelector('.outputs') === null")
    assert page.evaluate("document.activeElement.id") == "message"


def test_a_connection_that_is_cut_resumes_and_nothing_is_lost_or_doubled(
    playground: Playground, service: Service
) -> None:
    page = playground.page
    playground.say(script({"text": {"tokens": 160}, "rate": 40}))
    playground.wait_for_answer(40)
    page.click("#cut")
    page.wait_for("document.querySelector('#count-reconnects').textContent === '1'")
    playground.wait_for_status("Done.")
    assert playground.answer() == tokens(160)
    thread_id = page.evaluate("document.querySelector('#thread-id').value")
    (run,) = service.sdk.beta.threads.runs.list(thread_id).data
    logged = [tuple(map(int, event_id.split("-"))) for event_id in service.logged(run)]
    assert playground.event_ids() == logged
    assert playground.count("events") == len(logged)


def test_a_run_is_cancelled_with_escape(playground: Playground) -> None:
    playground.say(script({"text": {"tokens": 4000}, "rate": 40}))
    playground.wait_for_answer(10)
    playground.page.press("Escape")
    playground.wait_for_status("Cancelled.")
    assert "Run cancelled" in playground.page.text(".run-note")
    playground.say(script({"text": "Here again."}))
    playground.wait_for_status("Done.")
    assert playground.answer() == "Here again."


def test_a_reload_in_the_middle_of_an_answer_goes_on_with_it(playground: Playground) -> None:
    page = playground.page
    playground.say(script({"text": {"tokens": 120}, "rate": 40}))
    playground.wait_for_answer(30)
    page.reload()
    playground.wait_for_text(len(tokens(120)))
    assert playground.answer() == tokens(120)
    assert page.evaluate("document.querySelectorAll('.message').length") == 2


def test_an_earlier_thread_is_opened_by_its_id(playground: Playground, service: Service) -> None:
    page = playground.page
    thread_id = service.thread("What was it again?")
    service.wait(service.start(thread_id))
    playground.unfold("threads")
    page.fill("#thread-id", thread_id)
    page.press("Enter")
    page.wait_for("document.querySelectorAll('.message').length === 2")
    assert page.text(".message.user .text") == "What was it again?"
    assert page.text("#tokens-in") != "0"


def test_what_a_model_says_stays_text(playground: Playground) -> None:
    page = playground.page
    bad = (
        '<img src=x onerror="window.harmed = 1">\n<script>window.harmed = 2</script> & <b>bold</b>'
    )
    playground.say(script({"text": bad, "calls": [{"name": "get_weather", "arguments": bad}]}))
    page.wait_for("document.querySelector('.outputs')")
    page.type(bad)
    page.press("Enter")
    playground.wait_for_status("Done.")
    texts = page.evaluate(
        "[...document.querySelectorAll('.message .text')].map((e) => e.textContent)"
    )
    assert texts[1] == bad
    assert page.text(".call pre[aria-label=Output]") == bad
    assert (
        page.evaluate("document.querySelectorAll('#conversation :is(img, script, b)').length") == 0
    )
    assert page.evaluate("window.harmed") is None


def test_the_key_is_in_no_address_and_does_not_outlive_the_tab(
    playground: Playground, stack: StackInfo
) -> None:
    page = playground.page
    addresses = page.evaluate(
        "[location.href, ...performance.getEntries().map(({ name }) => name)].join(' ')"
    )
    assert "/v1/assistants" in addresses
    assert stack.api_key not in addresses
    assert page.evaluate("Object.values(localStorage).length + document.cookie.length") == 0
    page.click("#access summary")
    page.click("#forget")
    page.wait_for("document.activeElement?.id === 'api-key'")
    assert page.evaluate("JSON.stringify(sessionStorage)").count(stack.api_key) == 0


def test_mistakes_are_told_in_the_services_words(page: Page, stack: StackInfo) -> None:
    playground = Playground(page, stack.base_url, "sk-wrong")
    playground.open()
    page.fill("#api-key", "sk-wrong")
    page.press("Enter")
    assert "Incorrect API key" in page.wait_for("document.querySelector('.failure')?.textContent")
    page.fill("#base-url", "https://elsewhere.example/v1")
    page.press("Enter")
    page.wait_for("document.querySelectorAll('.failure').length === 2")
    assert "own origin" in page.evaluate("document.querySelectorAll('.failure')[1].textContent")
    # The browser itself tells of the refused request.
    assert all("401" in problem for problem in page.problems)
    page.problems.clear()


def test_costs_are_the_users_prices_times_the_reported_tokens(playground: Playground) -> None:
    page = playground.page
    usage = {"prompt_tokens": 2000, "completion_tokens": 500}
    playground.say(script({"text": "Dear.", "usage": usage}))
    playground.wait_for_status("Done.")
    assert page.text("#cost") == "not priced"
    page.fill("#price-in", "1")
    assert page.text("#cost") == "not priced"
    page.fill("#price-out", "4")
    assert page.text("#cost") == "$0.004000"


# --- For everybody.


def test_everything_on_a_phone_fits_its_width_and_can_be_reached(
    playground: Playground,
) -> None:
    page = playground.page
    page.resize(*PHONE, phone=True, scale=2)
    playground.say(script({"text": "word " * 30, "calls": [{"name": "get_weather"}]}))
    page.wait_for("document.querySelector('.outputs')")
    playground.choose("")
    for section in ("access", "assistants", "threads", "usage", "events"):
        playground.unfold(section)
    wide = page.evaluate(
        """[...document.querySelectorAll("body *")]
          .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    assert page.evaluate("document.scrollingElement.scrollWidth") == PHONE[0]
    page.fill(".outputs textarea", "sun")
    page.click(".outputs button")
    playground.wait_for_status("Done.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(playground: Playground, scheme: str) -> None:
    page = playground.page
    page.prefer(prefers_color_scheme=scheme)
    playground.say(script({"calls": [{"name": "get_weather"}]}))
    page.wait_for("document.querySelector('.outputs')")
    playground.choose("")
    for section in ("access", "assistants", "threads", "events"):
        playground.unfold(section)
    # WCAG 2.1, 1.4.3: 4.5 to 1; what is disabled is exempt.
    faint = page.evaluate(
        """(() => {
          const parse = (color) => color.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b]
            .map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
          const ground = (e) => {
            for (; e; e = e.parentElement) {
              const color = parse(getComputedStyle(e).backgroundColor);
              if ((color[3] ?? 1) > 0) return color;
            }
          };
          const contrast = (e) => {
            const [low, high] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort(
              (one, other) => one - other);
            return (high + 0.05) / (low + 0.05);
          };
          return [...document.querySelectorAll("body *")]
            .filter((e) => e.checkVisibility() && !e.closest(":disabled"))
            .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
            .filter((e) => contrast(e) < 4.5)
            .map((e) => `${contrast(e).toFixed(2)} ${e.outerHTML.slice(0, 80)}`);
        })()"""
    )
    assert faint == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


def test_nothing_moves_for_those_who_want_that(playground: Playground) -> None:
    moving = "document.getAnimations().length > 0"
    playground.say(script({"text": {"tokens": 4000}, "rate": 40}))
    playground.wait_for_answer(10, moving)
    playground.page.prefer(prefers_reduced_motion="reduce")
    playground.wait_for_answer(10, f"!({moving})")


def test_a_screen_reader_finds_names_for_everything(playground: Playground) -> None:
    page = playground.page
    playground.say(script({"calls": [{"name": "get_weather"}]}))
    page.wait_for("document.querySelector('.outputs')")
    playground.choose("")
    for section in ("access", "assistants", "threads", "usage", "events"):
        playground.unfold(section)
    found = page.accessible()
    used = {"textbox", "button", "combobox", "spinbutton", "link", "region", "form", "log"}
    nameless = [role for role, name in found if role in used - {"log"} and not name.strip()]
    assert nameless == []
    for landmark in ("banner", "main", "complementary", "log", "status"):
        assert any(role == landmark for role, _ in found), landmark
    headings = [name for role, name in found if role == "heading"]
    assert headings[0].startswith("ThreadRunner")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_whole_talk_needs_no_mouse(page: Page, stack: StackInfo) -> None:
    playground = Playground(page, stack.base_url, stack.api_key)

    def tab_to(wanted: str) -> None:
        """Press Tab until the focus is there, and see on each way station that it shows."""
        for _ in range(40):
            if page.evaluate(f"document.activeElement.matches({wanted!r})"):
                return
            page.press("Tab")
            assert page.evaluate(
                """(() => {
                  const focused = document.activeElement.closest(".composer:focus-within")
                    ?? document.activeElement;
                  const { outlineStyle, boxShadow } = getComputedStyle(focused);
                  const nowhere = focused === document.body;
                  return nowhere || outlineStyle !== "none" || boxShadow !== "none";
                })()"""
            )
        raise AssertionError(f"Tab does not lead to {wanted}")

    playground.open()
    # The page begins where one has to.
    assert page.evaluate("document.activeElement.id") == "api-key"
    page.type(stack.api_key)
    page.press("Enter")
    page.wait_for("!document.querySelector('#make-assistant').disabled")
    page.evaluate(
        "document.activeElement.blur(), document.querySelector('#assistants').open = false"
    )
    tab_to("#assistants summary")
    page.press(" ")
    tab_to("#assistant")
    page.press("Home")
    tab_to("#assistant-name")
    page.type("By hand")
    tab_to("#assistant-model")
    page.evaluate("document.activeElement.select()")
    page.type(stack.model.name)
    page.press("Enter")
    page.wait_for("document.activeElement.id === 'message'")
    page.type("One line")
    page.press("Enter", shift=True)
    page.type(script({"text": "Without a mouse."}))
    page.press("Enter")
    playground.wait_for_status("Done.")
    assert playground.answer() == "Without a mouse."
    assert page.text(".message.user .text").startswith("One line\n@script")
