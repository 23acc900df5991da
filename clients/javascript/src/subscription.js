// What a caller loops over.

import { endsRun } from "./requests.js";

const PAUSE = "thread.run.requires_action";
const STOPS = ["pause", "end", "closed"];

/**
 * The events of a run or a thread, for `for await`.
 *
 * A loop ends where `until` says. A further loop goes on behind the last event that was read.
 */
export class Subscription {
  #session;
  #http;
  #options;
  #feed;
  #lasts;
  #last;
  #ended = false;
  #reading = false;

  /** `options`: threadId, runId, after, until, signal. A feed that has already begun may be given. */
  constructor(session, http, options, feed = null) {
    const { threadId, runId = null, after = null, signal } = options;
    const { until = runId === null ? "closed" : "pause" } = options;
    if (!threadId || runId === "") throw new TypeError("An empty id was given.");
    if (after !== null && runId === null) throw new TypeError("`after` needs a runId.");
    if (!STOPS.includes(until)) throw new TypeError(`until is none of ${STOPS.join(", ")}.`);
    signal?.throwIfAborted();
    this.#session = session;
    this.#http = http;
    this.#options = { threadId, runId, until, signal };
    this.#last = after;
    this.#lasts = new Map(after === null ? [] : [[runId, after]]);
    this.#feed = feed ?? this.#follow();
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Resolved when the server knows of the subscription: what happens then is not missed. */
  get ready() {
    return this.#feed?.accepted ?? Promise.resolve();
  }

  /** The id of the last event that was read; null if there was none. */
  get last() {
    return this.#last;
  }

  /** End it: the server pushes no more, and a loop ends. */
  close() {
    this.#feed?.close();
    this.#feed = null;
  }

  async *[Symbol.asyncIterator]() {
    if (this.#reading) throw new TypeError("A subscription is read by one loop at a time.");
    const { signal, until } = this.#options;
    signal?.throwIfAborted();
    this.#reading = true;
    try {
      if (!this.#ended) this.#feed ??= this.#follow();
      while (this.#feed !== null) {
        const event = await this.#feed.next();
        if (event === null) return;
        const whole = await this.#http.whole(event, signal);
        this.#last = whole.id;
        this.#lasts.set(whole.runId, whole.id);
        yield whole;
        if (until === "closed") continue;
        this.#ended = endsRun(whole.event);
        if (this.#ended || (until === "pause" && whole.event === PAUSE)) return;
      }
    } finally {
      this.#reading = false;
      this.close();
    }
  }

  #follow() {
    const { threadId, runId } = this.#options;
    return this.#session.follow({ threadId, runId, lasts: new Map(this.#lasts) });
  }

  #abort = () => this.#feed?.close(this.#options.signal.reason);
}
