// A talk: one thread, its runs one after the other, followed from their first event to their last.

import { endsRun } from "./client/requests.js";
import { byId } from "./dom.js";
import { keep } from "./kept.js";
import { askForOutputs, dropOutputs } from "./outputs.js";

const ACTIVE = ["queued", "in_progress", "requires_action", "cancelling"];
const TOLD = {
  "thread.run.created": "Waiting for the assistant …",
  "thread.run.in_progress": "The assistant is at work …",
  "thread.message.created": "The assistant is answering …",
  "thread.run.requires_action": "The run waits for your answer.",
  "thread.run.cancelling": "Cancelling …",
  "thread.run.completed": "Done.",
  "thread.run.failed": "The run failed.",
  "thread.run.cancelled": "Cancelled.",
  "thread.run.expired": "The run took too long and expired.",
  "thread.run.incomplete": "The answer is incomplete.",
};

export class Talk {
  #parts;
  #changed;
  #api;
  #client;
  #threadId = null;
  #run = null;
  #busy = false;
  // Raised when another thread is opened: what still comes for the old one is not shown.
  #leave = new AbortController();

  /** `parts`: conversation, log, usage; `changed` is called when `busy` may be another. */
  constructor(api, client, { changed, ...parts }) {
    this.#changed = changed;
    this.#parts = parts;
    this.#api = api;
    this.#client = client;
  }

  /** Whether a run is under way. */
  get busy() {
    return this.#busy;
  }

  /** Say something: a run answers it. Without a thread, one is made. */
  async say(text, assistantId) {
    const message = { role: "user", content: text };
    const run = { assistant_id: assistantId };
    if (this.#threadId === null) run.thread = { messages: [message] };
    else run.additional_messages = [message];
    this.#parts.conversation.say(text);
    await this.#during(async (signal) => {
      tell("Sending …");
      const asked = { threadId: this.#threadId ?? undefined, run, until: "end", signal };
      const created = await this.#client.createRun(asked);
      this.#useThread(created.threadId);
      this.#run = created.run.id;
      this.#changed();
      await this.#follow(created.events);
    });
  }

  /** Open a thread: its messages, and the run that is under way. */
  async open(threadId) {
    const path = `/threads/${encodeURIComponent(threadId)}`;
    const [messages, runs] = await Promise.all([
      this.#api.list(`${path}/messages?order=desc`),
      this.#api.list(`${path}/runs?order=desc`),
    ]);
    this.reset();
    this.#useThread(threadId);
    for (const message of messages.reverse()) this.#parts.conversation.showMessage(message);
    for (const run of runs) if (!ACTIVE.includes(run.status)) this.#parts.usage.add(run);
    const active = runs.find(({ status }) => ACTIVE.includes(status));
    if (active === undefined) return;
    await this.#during(async (signal) => {
      this.#run = active.id;
      const target = { threadId, runId: active.id, until: "end", signal };
      await this.#follow(this.#client.subscribe(target));
    });
  }

  /** Leave the thread; the next message makes a new one. */
  reset() {
    this.#leave.abort();
    this.#leave = new AbortController();
    this.#rest();
    this.#useThread(null);
    for (const part of ["conversation", "log", "usage"]) this.#parts[part].clear();
    tell("");
  }

  /** Cancel the run that is under way. */
  async cancel() {
    if (this.#run === null) return;
    tell("Cancelling …");
    await this.#client.cancelRun({ threadId: this.#threadId, runId: this.#run });
  }

  #useThread(threadId) {
    this.#threadId = threadId;
    byId("thread-id").value = byId("thread-now").textContent = threadId ?? "";
    keep("thread", threadId);
  }

  /** Do what makes or follows a run; nothing else can be said meanwhile. */
  async #during(action) {
    const { signal } = this.#leave;
    this.#busy = true;
    this.#changed();
    try {
      await action(signal);
    } catch (error) {
      if (signal.aborted) return;
      tell("");
      throw error;
    } finally {
      if (!signal.aborted) this.#rest();
    }
  }

  #rest() {
    this.#busy = false;
    this.#run = null;
    dropOutputs();
    this.#changed();
  }

  async #follow(events) {
    for await (const event of events) {
      this.#parts.log.add(event);
      this.#parts.conversation.show(event);
      tell(TOLD[event.event]);
      if (event.event === "thread.run.requires_action") this.#ask(event);
      else if (event.event === "thread.run.queued") dropOutputs();
      else if (endsRun(event.event)) this.#parts.usage.add(event.data);
    }
  }

  #ask({ data, runId, threadId }) {
    const calls = data.required_action.submit_tool_outputs.tool_calls;
    askForOutputs(calls, async (toolOutputs) => {
      try {
        await this.#client.submitToolOutputs({ threadId, runId, toolOutputs });
        dropOutputs();
        tell("The assistant is at work …");
        return true;
      } catch (error) {
        this.#parts.conversation.complain(error);
        return false;
      }
    });
  }
}

function tell(text) {
  if (text !== undefined) byId("status").textContent = text;
}
