/**
 * A client for ThreadRunner's WebSocket, for browsers and for Node: every event of a run exactly once
 * and in order, while the model is still talking, through cut connections and lost frames.
 *
 * Everything else goes over HTTP, with the official SDK or `fetch`.
 */

import { Passing, ThreadRunnerError } from "./errors.js";
import { Http } from "./http.js";
import { Session } from "./session.js";
import { Subscription } from "./subscription.js";
import { timingWith } from "./timing.js";

export {
  AuthenticationError,
  ConnectionLost,
  EventsExpired,
  EventUnavailable,
  ProtocolError,
  RequestError,
  ThreadRunnerError,
} from "./errors.js";

// The gateway takes WebSocket frames of 32 KB, and a browser does not cut messages into frames.
const LONGEST_MESSAGE = 30_000;

/**
 * A connection to a ThreadRunner server, shared by any number of subscriptions.
 *
 * It opens with the first subscription, reconnects and resumes by itself. After it gave up, or after
 * the server refused its key, it stays closed: make a new one.
 */
export class ThreadRunner {
  #session;
  #http;

  /**
   * @param options.baseURL the API's, as the OpenAI SDK takes it: ".../v1".
   * @param options.apiKey a key of a project; in a browser, whoever uses the page can read it.
   * @param options.ticket async (signal) => the answer of POST /v1/realtime/tickets, which your
   *   server asked for: so the key stays there. Called for each connection.
   * @param options.onStatus called with `status` whenever it changes.
   * @param options.timing times in milliseconds that differ from the defaults.
   * @param options.WebSocket the class, where there is no global one (Node before 22).
   * @param options.fetch the function, to have requests go another way.
   * @param options.random gives numbers from 0 up to 1, for the pauses between attempts.
   */
  constructor(options) {
    const { ticket, onStatus, random = Math.random } = options;
    const { WebSocket = globalThis.WebSocket, fetch = (...sent) => globalThis.fetch(...sent) } =
      options;
    if (typeof WebSocket !== "function") {
      throw new TypeError("There is no WebSocket here: give a class as the option `WebSocket`.");
    }
    if (ticket === undefined && options.baseURL === undefined) {
      throw new TypeError("Give `baseURL` and `apiKey`, or a function `ticket`.");
    }
    const timing = timingWith(options.timing);
    this.#http = new Http({ ...options, fetch, timing, random });
    const grant = ticket === undefined ? (signal) => this.#http.ticket(signal) : careful(ticket);
    this.#session = new Session({ timing, WebSocket, ticket: grant, random, onStatus });
  }

  /** What is going on: the state of the connection, and counts since the client was made. */
  get status() {
    return { ...this.#session.status };
  }

  /**
   * Subscribe to a run, from its start or behind `after`; or, without `runId`, to a thread: the run
   * that is under way from its start, and every later one.
   *
   * @param options.until where a loop over the events ends: at "pause", when a run ends or waits for
   *   tool outputs (the default for a run); at "end", when a run ends; or only when the subscription
   *   is "closed" (the default for a thread).
   * @param options.signal ends it: the loop throws the signal's reason.
   */
  subscribe(options) {
    return new Subscription(this.#session, this.#http, options);
  }

  /**
   * Create a run and follow it from its first event, in one message.
   *
   * It is sent again, under the same idempotency key, until it is answered: the run is created once.
   *
   * One that is too large for a WebSocket message goes over HTTP.
   *
   * @param options.run the body of POST /threads/{id}/runs, or without `threadId` of /threads/runs.
   * @returns the run as created, and its events.
   */
  async createRun({ threadId, run, idempotencyKey = newKey(), until, signal }) {
    const thread = threadId === undefined ? {} : { thread_id: threadId };
    const message = { action: "run.create", ...thread, run, idempotency_key: idempotencyKey };
    let created;
    let feed = null;
    if (isTooLarge(message)) {
      const path = `${threadId === undefined ? "/threads" : pathOf(threadId)}/runs`;
      created = await this.#http.post(path, run, idempotencyKey, signal);
    } else {
      const answer = await this.#session.create(message, signal);
      ({ feed } = answer);
      created = await this.#runOf(answer.reply, signal);
    }
    const target = { threadId: created.thread_id, runId: created.id, until, signal };
    const events = new Subscription(this.#session, this.#http, target, feed);
    return { run: created, threadId: created.thread_id, runId: created.id, events };
  }

  /**
   * Answer the function calls that a run waits for; it then goes on.
   *
   * @param options.toolOutputs a list of `{ tool_call_id, output }`, as the API takes it.
   * @returns the run.
   */
  async submitToolOutputs({ threadId, runId, toolOutputs, idempotencyKey = newKey(), signal }) {
    const outputs = { tool_outputs: toolOutputs };
    const action = { action: "run.submit_tool_outputs", thread_id: threadId, run_id: runId };
    const message = { ...action, ...outputs, idempotency_key: idempotencyKey };
    if (!isTooLarge(message)) return this.#change(message, signal);
    const path = `${pathOf(threadId, runId)}/submit_tool_outputs`;
    return this.#http.post(path, outputs, idempotencyKey, signal);
  }

  /**
   * Cancel a run, which ends a moment later.
   *
   * @returns the run.
   */
  async cancelRun({ threadId, runId, idempotencyKey = newKey(), signal }) {
    const action = { action: "run.cancel", thread_id: threadId, run_id: runId };
    return this.#change({ ...action, idempotency_key: idempotencyKey }, signal);
  }

  /** Close the connection and end all subscriptions. */
  close() {
    this.#session.close();
  }

  async #change(message, signal) {
    return this.#runOf(await this.#session.change(message, signal), signal);
  }

  /** The run of an answer; one that is too large for a frame says where it is. */
  async #runOf({ run, href }, signal) {
    return run ?? (await this.#http.get(href, signal));
  }
}

const isTooLarge = (message) => {
  return new TextEncoder().encode(JSON.stringify(message)).length > LONGEST_MESSAGE;
};

function pathOf(threadId, runId) {
  const thread = `/threads/${encodeURIComponent(threadId)}`;
  return runId === undefined ? thread : `${thread}/runs/${encodeURIComponent(runId)}`;
}

/** A caller's `ticket`, whose own failures are tried again like those of a network. */
function careful(ticket) {
  return async (signal) => {
    try {
      return await ticket(signal);
    } catch (error) {
      if (error instanceof ThreadRunnerError || error instanceof Passing) throw error;
      throw new Passing(`the ticket could not be had (${error?.name})`);
    }
  };
}

// `crypto.randomUUID` is there in secure contexts only.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
