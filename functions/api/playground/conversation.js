// The conversation: messages, tool calls and the ends of runs, as the events tell of them.

import { endsRun } from "./client/requests.js";
import { byId, element } from "./dom.js";

const CALL_STATES = {
  in_progress: "under way",
  completed: "done",
  failed: "failed",
  cancelled: "cancelled",
  expired: "expired",
};
const ONE_LINE = 60;
// A reader this near to the end, in pixels, reads what comes.
const NEAR = 160;
const log = byId("conversation");
const scroll = byId("scroll");
const welcome = byId("welcome");

export class Conversation {
  #nameOf;
  #messages = new Map();
  #calls = new Map();
  #atEnd = true;

  /** `nameOf` gives the name of an assistant. */
  constructor(nameOf) {
    this.#nameOf = nameOf;
    scroll.addEventListener("scroll", () => {
      const distance = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
      this.#atEnd = distance < NEAR;
    });
    // A form below takes room away.
    new ResizeObserver(() => this.#keepAtEnd()).observe(scroll);
  }

  /** Begin anew. */
  clear() {
    this.#messages.clear();
    this.#calls.clear();
    log.replaceChildren(welcome);
    welcome.hidden = false;
  }

  /** What the user has just said. */
  say(text) {
    this.#append(message("user", "You", text));
  }

  /** Something that went wrong. */
  complain(error) {
    const told = error instanceof Error ? error.message : String(error);
    this.#append(element("p", { className: "failure", role: "alert", textContent: told }));
  }

  /** A message as the API lists it. */
  showMessage(listed) {
    const made = this.#message(listed);
    made.reset();
    for (const [index, part] of listed.content.entries()) made.write(index, part);
    made.finish(listed);
    this.#keepAtEnd();
  }

  /** Take in an event of a run. */
  show({ event, data }) {
    const [subject, change] = splitName(event);
    if (subject === "thread.message") this.#showMessage(change, data);
    else if (subject === "thread.run.step") this.#showStep(change, data);
    else if (subject === "thread.run") this.#showRun(change, data);
    this.#keepAtEnd();
  }

  #showMessage(change, data) {
    if (change === "delta") {
      const made = this.#messages.get(data.id);
      for (const part of data.delta.content ?? []) made?.write(part.index, part);
    } else if (change === "completed" || change === "incomplete") {
      this.showMessage(data);
    } else {
      // Of a run that is followed from its start, a message may be listed already, in part.
      const made = this.#message(data);
      if (change === "created") made.reset();
      made.article.ariaBusy = "true";
    }
  }

  #message({ id, role, assistant_id: assistant }) {
    if (!this.#messages.has(id)) {
      const made = new Message(id, role, role === "user" ? "You" : this.#nameOf(assistant));
      this.#messages.set(id, made);
      this.#append(made.article);
    }
    return this.#messages.get(id);
  }

  #showStep(change, data) {
    const details = (change === "delta" ? data.delta : data).step_details;
    if (details?.type !== "tool_calls") return;
    for (const [place, call] of (details.tool_calls ?? []).entries()) {
      const key = `${data.id} ${call.index ?? place}`;
      if (!this.#calls.has(key)) {
        this.#calls.set(key, new Call());
        this.#append(this.#calls.get(key).article);
      }
      const shown = this.#calls.get(key);
      if (change === "delta") shown.write(call);
      else shown.replace(call);
      if (data.status) shown.state = CALL_STATES[data.status];
    }
  }

  #showRun(change, run) {
    if (change === "requires_action") {
      const waiting = run.required_action.submit_tool_outputs.tool_calls.map(({ id }) => id);
      for (const call of this.#calls.values()) {
        if (waiting.includes(call.id)) call.state = "waits for you";
      }
    }
    if (!endsRun(`thread.run.${change}`)) return;
    const { usage, last_error: error, incomplete_details: details } = run;
    const reason = error?.message ?? details?.reason;
    const tokens = usage && `${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`;
    const told = [`Run ${change}`, reason, tokens].filter(Boolean).join(" · ");
    this.#append(element("p", { className: "note run-note", textContent: told }));
  }

  #append(node) {
    welcome.hidden = true;
    log.append(node);
    node.scrollIntoView({ block: "end" });
  }

  /** Scroll along, unless the reader has scrolled away. */
  #keepAtEnd() {
    if (this.#atEnd) scroll.scrollTop = scroll.scrollHeight;
  }
}

/** "thread.run.step.completed" -> ["thread.run.step", "completed"] */
function splitName(event) {
  const dot = event.lastIndexOf(".");
  return [event.slice(0, dot), event.slice(dot + 1)];
}

function message(role, name, text = "") {
  const who = element("h3", { textContent: name });
  const said = element("div", { className: "text", textContent: text });
  return element("article", { className: `message ${role}` }, who, said);
}

class Message {
  constructor(id, role, name) {
    this.article = message(role, name);
    this.article.dataset.id = id;
    this.text = this.article.querySelector(".text");
    this.parts = [];
  }

  /** Forget what was written. */
  reset() {
    this.parts = [];
    this.text.replaceChildren();
  }

  /** Add to a part of the content. */
  write(index, part) {
    this.parts[index] ??= this.text.appendChild(new Text());
    this.parts[index].appendData(wordsOf(part));
  }

  finish({ status, incomplete_details: details }) {
    this.article.ariaBusy = "false";
    this.article.querySelector(".note")?.remove();
    if (status !== "incomplete") return;
    const told = `Broken off (${details?.reason ?? "no reason given"})`;
    this.article.append(element("p", { className: "note", textContent: told }));
  }
}

function wordsOf({ type, text, refusal }) {
  if (type === "text") return text?.value ?? "";
  if (type === "refusal") return refusal ?? "";
  return `[${type}]`;
}

class Call {
  id = null;
  #name = element("code");
  #state = element("span", { className: "call-state", textContent: CALL_STATES.in_progress });
  #kind = element("span");
  #arguments = element("pre", { ariaLabel: "Arguments" });
  #output = element("pre", { ariaLabel: "Output", hidden: true });

  constructor() {
    const head = element("h3", {}, this.#kind, this.#name, this.#state);
    this.article = element("article", { className: "call" }, head, this.#arguments, this.#output);
  }

  set state(text) {
    this.#state.textContent = text;
  }

  /** Add what a delta brings. */
  write(call) {
    const called = this.#label(call);
    this.#name.append(called.name ?? "");
    this.#arguments.append(called.arguments ?? "");
    if (called.output) this.#show(called.output);
  }

  /** Show a call as it stands in a step. */
  replace(call) {
    const called = this.#label(call);
    this.#name.textContent = called.name;
    this.#arguments.textContent = pretty(called.arguments);
    if (called.output !== null && called.output !== undefined) this.#show(called.output);
  }

  #label(call) {
    this.id = call.id ?? this.id;
    if (call.type) this.#kind.textContent = call.type.replace("_", " ");
    return call[call.type] ?? {};
  }

  #show(output) {
    this.#output.hidden = false;
    this.#output.textContent = pretty(output);
  }
}

/** JSON with line breaks, if it is long; any other text as it is. */
export function pretty(text) {
  if (text.length <= ONE_LINE) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
