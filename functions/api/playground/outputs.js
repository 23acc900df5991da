// The form in which a person answers the functions that a run waits for.

import { pretty } from "./conversation.js";
import { byId, element } from "./dom.js";

const place = byId("outputs");

/** Ask for the outputs; `submit` gets them, and may fail: then they can be sent again. */
export function askForOutputs(calls, submit) {
  const fields = calls.map((call) => outputField(call));
  const several = calls.length > 1;
  const send = element("button", {
    type: "submit",
    className: "primary",
    textContent: several ? "Submit outputs" : "Submit output",
  });
  const title = `The run waits for your answer${several ? "s" : ""}`;
  const form = element(
    "form",
    { className: "outputs", ariaLabel: "Tool outputs" },
    element("h2", { textContent: title }),
    ...fields.map(({ label }) => label),
    element("div", { className: "row" }, send),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const outputs = fields.map(({ id, area }) => ({ tool_call_id: id, output: area.value }));
    send.disabled = await submit(outputs);
  });
  place.replaceChildren(form);
  fields[0].area.focus();
}

/** Take the form away: nobody waits any more. */
export function dropOutputs() {
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren();
  if (hadFocus) byId("message").focus();
}

function outputField({ id, function: called }) {
  const area = element("textarea", { rows: 2, className: "code", spellcheck: false });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    area.form.requestSubmit();
  });
  const label = element(
    "label",
    {},
    "Output of ",
    element("code", { textContent: called.name }),
    element("pre", { textContent: pretty(called.arguments) }),
    area,
  );
  return { id, area, label };
}
