// Subscriptions that are being taken back.
//
// The gateway may carry out two messages of a connection in either order, so a new subscription to the
// same target waits for the answer: or the old one's end could take it along.

const keyOf = ({ thread_id: threadId, run_id: runId }) => `${threadId} ${runId ?? "*"}`;

export class Leaving {
  // By target: what waits, and the timer after which it does not wait any longer.
  #targets = new Map();
  #send;

  /** `send` sends a message. */
  constructor(send) {
    this.#send = send;
  }

  /** Send a subscription, as soon as an earlier one to the same target has been taken back. */
  subscribe(target, message) {
    const leaving = this.#targets.get(keyOf(target));
    if (leaving === undefined) this.#send(message);
    else leaving.waiting.push(message);
  }

  /** Take subscriptions back, but for those to targets that are still needed. */
  leave(targets, needed, timeout) {
    const kept = new Set(needed.map(keyOf));
    for (const target of targets) {
      const key = keyOf(target);
      if (kept.has(key) || this.#targets.has(key)) continue;
      const timer = setTimeout(() => this.left(target), timeout);
      this.#targets.set(key, { waiting: [], timer });
      this.#send({ action: "unsubscribe", ...target });
    }
  }

  /** A subscription has been taken back. */
  left(target) {
    const key = keyOf(target);
    const { timer, waiting = [] } = this.#targets.get(key) ?? {};
    clearTimeout(timer);
    this.#targets.delete(key);
    for (const message of waiting) this.#send(message);
  }

  /** The connection is gone, and all subscriptions with it. */
  forget() {
    for (const { timer } of this.#targets.values()) clearTimeout(timer);
    this.#targets.clear();
  }
}
