// The other end: a WebSocket class whose server does exactly what a test tells it, in this process.

import { mock } from "node:test";

import { ThreadRunner } from "../src/threadrunner.js";

export const THREAD = "thread_1";
export const RUN = "run_1";

/** An event as it stands in a frame. */
export const event = (id, name = "thread.message.delta", data = { n: id }) => {
  return { id, event: name, data };
};

/** Let everything happen that needs no time. */
export async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/** Let time pass; the clock and the timers must be mocked. */
export async function pass(milliseconds) {
  mock.timers.tick(milliseconds);
  await settle();
}

export class Gateway {
  connections = [];
  tickets = 0;
  refuses = false;
  trouble = null;

  constructor() {
    const gateway = this;
    this.WebSocket = class {
      constructor(url) {
        this.url = url;
        this.requests = [];
        this.closed = false;
        gateway.connections.push(this);
        setImmediate(() => {
          if (gateway.refuses) this.#end(1006);
          else if (!this.closed) this.onopen?.({});
        });
      }
      send(text) {
        if (!this.closed) this.requests.push(JSON.parse(text));
      }
      close(code = 1005) {
        this.#end(code);
      }
      #end(code) {
        if (this.closed) return;
        this.closed = true;
        setImmediate(() => this.onclose?.({ code }));
      }

      // The server's side.

      cut() {
        this.#end(1006);
      }
      say(message) {
        this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
      }
      push(after, events, runId = RUN) {
        this.say({ run_id: runId, thread_id: THREAD, after, events });
      }
      confirm(request, last = null, status = "in_progress") {
        const { thread_id, run_id = null, id } = request;
        this.say({ type: "subscribed", thread_id, run_id, id, last, status });
      }
      /** What the client said last. */
      get last() {
        return this.requests.at(-1);
      }
    };
  }

  /** The connection that was made last. */
  get now() {
    return this.connections.at(-1);
  }

  client(options = {}) {
    const ticket = async () => {
      this.tickets += 1;
      if (this.trouble !== null) throw this.trouble;
      return { websocket_url: "wss://gateway.test/live", ticket: `ticket-${this.tickets}` };
    };
    return new ThreadRunner({ ticket, WebSocket: this.WebSocket, random: () => 1, ...options });
  }
}

/** Read a subscription to its end; what it ended with is in `error`. */
export function reading(subscription) {
  const read = { events: [], error: null, done: false };
  read.whole = (async () => {
    try {
      for await (const each of subscription) read.events.push(each);
    } catch (error) {
      read.error = error;
    }
    read.done = true;
  })();
  Object.defineProperty(read, "ids", { get: () => read.events.map(({ id }) => id) });
  return read;
}
