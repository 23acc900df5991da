// The order of a run's events, without any I/O: frames in, each event once and in order out.
//
// The server has one writer of a run's events at a time. Each writer has an epoch, and an event's id
// is `<epoch>-<seq>`. A frame says which id its first event follows, so a receiver sees whether it
// missed something. A writer that was overtaken may still push frames under its older epoch; they
// lie beyond the id that its successor started after, and are void: whoever has seen the successor
// drops them, because their ids are lower.

import { ProtocolError } from "./errors.js";

/** Stands for "before the first event". */
const START = [-1, -1];

const compare = (one, other) => one[0] - other[0] || one[1] - other[1];

/** The two numbers of an id; null, which stands for none, comes before all others. */
export function parseId(text, what = "An id") {
  if (text == null) return START;
  const match = typeof text === "string" && /^(\d{1,10})-(\d{1,10})$/.exec(text);
  if (!match) throw new ProtocolError(`${what} is not an event id such as "3-7".`);
  return [Number(match[1]), Number(match[2])];
}

/** Whether an id comes after another one; null stands for none. */
export const isAfter = (id, other) => compare(parseId(id), parseId(other)) > 0;

/** Whether something is a text that says anything. */
export const isText = (value) => typeof value === "string" && value !== "";

/** Whether something is a JSON object. */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Read a frame (decoded JSON).
 *
 * Returns its run, the id that it follows, and its events with their ids as numbers. Throws
 * ProtocolError if it is malformed; the message never repeats what was in it.
 */
export function parseFrame(frame) {
  const { run_id: runId, thread_id: threadId, events } = frame;
  if (!isText(runId) || !isText(threadId)) throw new ProtocolError("A frame names no run.");
  if (!Array.isArray(events) || !events.length) throw new ProtocolError("A frame has no events.");
  const after = parseId(frame.after, "A frame's 'after'");
  let previous = after;
  const parsed = events.map((entry) => {
    const id = parseId(entry?.id, "The id of a frame's event");
    if (compare(id, previous) <= 0) throw new ProtocolError("A frame's events are out of order.");
    previous = id;
    return { id, event: parseEvent(entry, runId, threadId) };
  });
  return { runId, after, events: parsed };
}

function parseEvent({ id, event, data, href }, runId, threadId) {
  if (!isText(event)) throw new ProtocolError("A frame's event has no name.");
  if (isObject(data)) return { id, event, data, runId, threadId };
  if (data == null && isText(href)) return { id, event, data: {}, runId, threadId, href };
  throw new ProtocolError("A frame's event has neither an object as data nor an href.");
}

/** Puts one run's events in order: each exactly once, whatever frames come in whatever order. */
export class EventOrder {
  #last;
  #expected = START;
  // Frames beyond a gap, the one that follows the lowest id first. Of two that follow the same id
  // the lower is void (its writer was overtaken there), so the higher comes first.
  #held = [];

  /** The run, and the id of the last event that is already known, if any. */
  constructor(runId, after = null) {
    this.runId = runId;
    /** How many events came that had come before. */
    this.duplicates = 0;
    this.#last = parseId(after, "`after`");
  }

  /** The id of the last event that came out; null if there was none. */
  get last() {
    return this.#last === START ? null : this.#last.join("-");
  }

  /** Whether something is known to be missing: to be asked for, after `last`. */
  get gap() {
    return this.#held.length > 0 || compare(this.#expected, this.#last) > 0;
  }

  /** Note that an event is known to exist: until it is reached, there is a gap. */
  expect(id) {
    const expected = parseId(id, "The server's 'last'");
    if (compare(expected, this.#expected) > 0) this.#expected = expected;
  }

  /** Take a frame (decoded JSON); return the events that come next. */
  push(message) {
    const frame = parseFrame(message);
    if (frame.runId !== this.runId) throw new ProtocolError("A frame came for another run.");
    this.#held.push(frame);
    this.#held.sort((one, other) => {
      return compare(one.after, other.after) || compare(other.events[0].id, one.events[0].id);
    });
    const released = [];
    while (this.#held.length && compare(this.#held[0].after, this.#last) <= 0) {
      for (const { id, event } of this.#held.shift().events) {
        if (compare(id, this.#last) > 0) {
          released.push(event);
          this.#last = id;
        } else {
          this.duplicates += 1;
        }
      }
    }
    return released;
  }
}
