// What is asked of the server, as state machines: when to ask for what again.
//
// The only remedy for anything that goes wrong is to ask again: for events after the last one that
// came out, for a run under the same idempotency key. Each request has one timer, and what differs is
// when it is due:
//
//     asked, no answer yet ........ the reply's time limit
//     something is missing ........ soon, then ever later as long as asking does not help
//     all is well ................. after a long silence
//     the run has ended ........... never

import { ConnectionLost, EventsExpired } from "./errors.js";
import { EventOrder, isAfter } from "./order.js";
import { grown, seconds } from "./timing.js";

const ENDED = new Set(["completed", "failed", "cancelled", "expired", "incomplete"]);
// So many answers without anything new show that a run which has ended has no further event …
const ANSWERS_TO_END = 4;
// … and so many, that what the server says it pushed will never come.
const ANSWERS_TO_FAIL = 6;

/** Whether an event is the last one of its run. */
export const endsRun = (event) => event.startsWith("thread.run.") && ENDED.has(event.slice(11));

/**
 * A request that is sent again until it is answered.
 *
 * Each kind has `send()`, `take(reply)` for the answer whose type is `answeredBy`, and `fail(error)`.
 */
class Request {
  #timer;
  #unansweredSince = null;
  #tries = 0;

  constructor(session, id) {
    this.session = session;
    this.id = id;
  }

  /** Send it, on a connection that stands. */
  ask() {
    const { giveUpAfter, replyTimeout } = this.session.timing;
    const now = Date.now();
    this.#unansweredSince ??= now;
    if (now - this.#unansweredSince >= giveUpAfter) {
      const limit = seconds(giveUpAfter);
      this.fail(new ConnectionLost(`The server did not answer a request for ${limit}.`));
      return;
    }
    this.#tries += 1;
    this.due(replyTimeout);
    this.send();
  }

  /** Ask again after a while; each time that asking did not help, twice as late. */
  askLater() {
    const { gapWait, longestGapWait } = this.session.timing;
    this.due(grown(gapWait, Math.max(0, this.#tries - 1), longestGapWait));
  }

  /** Ask again after so long. */
  due(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.session.guard(() => this.ask()), delay);
  }

  /** Ask no more: there is no connection, or no further use. */
  rest() {
    clearTimeout(this.#timer);
    // The time without a connection is not the answer's delay.
    this.#unansweredSince = null;
  }

  get answered() {
    return this.#unansweredSince === null;
  }

  settle() {
    this.#unansweredSince = null;
  }

  helped() {
    this.#tries = 0;
  }
}

/**
 * Something to be done with a run: asked for under one idempotency key, so that it is done once.
 *
 * It resolves to the server's answer.
 */
export class Command extends Request {
  answeredBy = "run.updated";

  constructor(session, id, message, resolve, reject) {
    super(session, id);
    Object.assign(this, { message: { ...message, id }, resolve, reject });
  }

  send() {
    this.session.send(this.message);
  }

  take(reply) {
    this.#end();
    this.resolve(reply);
  }

  fail(error) {
    this.#end();
    this.reject(error);
  }

  #end() {
    this.rest();
    this.session.commands.delete(this);
  }
}

/** A run to be created; it resolves to the server's answer and a feed of the run. */
export class Creation extends Command {
  answeredBy = "run.created";

  take(reply) {
    super.take(this.session.adopt(reply));
  }
}

/** What the server pushes for a feed: one run's events, or those of a thread as a whole. */
export class Line extends Request {
  answeredBy = "subscribed";
  #runHasEnded = false;
  #fruitless = 0;

  /** The run, and the last event of it that is known; without a run, the feed's thread. */
  constructor(feed, runId = null, after = null) {
    super(feed.session, runId === feed.runId ? feed.id : `${feed.id}/${runId}`);
    this.feed = feed;
    this.target = { thread_id: feed.threadId, ...(runId !== null && { run_id: runId }) };
    this.order = runId === null ? null : new EventOrder(runId, after);
    /** Whether the server was asked to push this. */
    this.registered = false;
    /** Whether no further event will come. */
    this.ended = false;
  }

  send() {
    this.registered = true;
    const after = this.order?.last;
    const message = { action: "subscribe", ...this.target, id: this.id };
    this.session.subscribe(this.target, after == null ? message : { ...message, after });
    // While one of its runs is asked about, a thread is not silent.
    if (this !== this.feed.thread) this.feed.thread?.heard();
  }

  fail(error) {
    this.feed.finish(error);
  }

  /** An event came, so the silence starts anew. */
  heard() {
    if (this.answered) this.due(this.session.timing.refreshInterval);
  }

  take(reply) {
    this.feed.answer(this, reply);
  }

  /** Put a frame of the run in order; return the events that come next, up to the one that ends it. */
  push(frame) {
    const wasWhole = !this.order.gap;
    const known = this.order.duplicates;
    const events = this.order.push(frame);
    this.session.count({ duplicates: this.order.duplicates - known });
    if (events.length) {
      this.#fruitless = 0;
      this.helped();
    }
    const end = events.findIndex(({ event }) => endsRun(event));
    if (end >= 0) {
      this.#end();
      return events.slice(0, end + 1);
    }
    if (this.order.gap) {
      if (wasWhole) this.session.count({ gaps: 1 });
      if (wasWhole && this.answered) this.askLater();
    } else if (!this.#runHasEnded) {
      this.heard();
    }
    return events;
  }

  /** Take the server's word that the subscription stands, and how far it has pushed. */
  answer({ last = null, status = null }) {
    this.settle();
    if (last !== null) this.order?.expect(last);
    // A run's status may be read before its last event is written, so the status alone does not end
    // the events; it does when they were asked for in vain, as after the log has expired.
    this.#runHasEnded = this.order !== null && ENDED.has(status);
    if (!this.order?.gap && !this.#runHasEnded) {
      this.helped();
      this.due(this.session.timing.refreshInterval);
      return;
    }
    this.#fruitless += 1;
    this.askLater();
    if (isAfter(last, this.order.last)) {
      if (this.#fruitless < ANSWERS_TO_FAIL) return;
      const lost = "Events of the run are no longer in the log: read the run over HTTP instead.";
      this.fail(new EventsExpired(lost));
    } else if (this.#runHasEnded && this.#fruitless >= ANSWERS_TO_END) {
      // The server has pushed all that counts. What is held beyond a gap is void nevertheless.
      this.#end();
    }
  }

  #end() {
    this.ended = true;
    this.rest();
  }
}
