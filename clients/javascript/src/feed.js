// The events of a run, or of all runs of a thread: in order, waiting to be read.

import { Line } from "./requests.js";

/**
 * One reader's events.
 *
 * Those of a thread are those of its runs, each run's in order. A run that was already under way is
 * delivered from its start.
 */
export class Feed {
  #queue = [];
  #runs = new Map();
  #finished = false;
  #error = null;
  #wake = () => {};

  /** `lasts` are the last known event ids by run. */
  constructor(session, id, { threadId, runId = null, lasts = new Map() }) {
    Object.assign(this, { session, id, threadId, runId, lasts });
    this.thread = runId === null ? new Line(this) : null;
    if (runId !== null) this.#addRun(runId);
    /** Resolved when the server knows of it; rejected if it never will. */
    this.accepted = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    // Who does not wait for it need not hear of it.
    this.accepted.catch(() => {});
  }

  /** What the server is asked to push. */
  get lines() {
    const runs = [...this.#runs.values()].filter((line) => !line.ended);
    return this.thread === null ? runs : [this.thread, ...runs];
  }

  /** Take a frame, if it is for this feed. */
  take(frame) {
    const { thread_id: threadId, run_id: runId } = frame;
    if (threadId !== this.threadId || (this.runId !== null && runId !== this.runId)) return;
    this.resolve();
    this.thread?.heard();
    const line = this.#runs.get(runId) ?? this.#addRun(runId);
    if (line.ended) return;
    const events = line.push(frame);
    this.#queue.push(...events);
    this.session.count({ events: events.length });
    this.#finishWith(line);
    this.#wake();
  }

  /** Take the answer to one of its requests. */
  answer(line, reply) {
    this.resolve();
    line.answer(reply);
    this.#finishWith(line);
    if (this.thread === null || line === this.thread) return;
    // It was asked for only to fill a gap; its further events come with those of the thread.
    line.registered = false;
    this.session.leave([line.target]);
  }

  /** End it, in peace (null) or with an error; what came before can still be read. */
  finish(error) {
    if (this.#finished) return;
    this.#finished = true;
    this.#error = error;
    for (const line of this.lines) line.rest();
    this.session.feeds.delete(this);
    if (error === null) this.resolve();
    else this.reject(error);
    this.#wake();
  }

  /** Take it back; what was not read is dropped. */
  close(error = null) {
    this.#queue = [];
    if (this.#finished) return;
    const registered = this.lines.filter((line) => line.registered);
    this.finish(error);
    this.session.leave(registered.map((line) => line.target));
  }

  /** The next event; null if there is no further one. Throws what it finished with. */
  async next() {
    for (;;) {
      if (this.#queue.length) return this.#queue.shift();
      if (this.#error !== null) throw this.#error;
      if (this.#finished) return null;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  #addRun(runId) {
    const line = new Line(this, runId, this.lasts.get(runId));
    this.#runs.set(runId, line);
    return line;
  }

  #finishWith(line) {
    if (this.thread === null && line.ended) this.finish(null);
  }
}
