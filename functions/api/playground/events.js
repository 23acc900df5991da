// The event log, the counters and the state of the connection.

import { byId, element, oncePerFrame } from "./dom.js";

// Older ones go: a long talk shall not slow the page down.
const SHOWN = 400;
const STATES = {
  idle: "Ready",
  connecting: "Connecting …",
  open: "Connected",
  reconnecting: "Reconnecting …",
  closed: "Closed: connect again",
};
const list = byId("event-list");
const connection = byId("connection");

export class EventLog {
  #status = { state: "idle", connections: 0, events: 0, duplicates: 0, gaps: 0 };
  #waiting = [];
  #draw = oncePerFrame(() => this.#show());
  #wasLost = false;

  /** Note an event. */
  add({ id, event }) {
    this.#line(id, event, "");
  }

  /** Take in what the client says of its connection. */
  update(status) {
    const lost = status.state === "reconnecting";
    if (lost && !this.#wasLost) this.#line("✕", "connection lost", "cut");
    if (status.state === "open" && this.#wasLost) this.#line("✓", "resumed", "back");
    this.#wasLost = lost || (this.#wasLost && status.state !== "open");
    this.#status = status;
    this.#draw();
  }

  /** Forget the lines. */
  clear() {
    this.#waiting = [];
    list.replaceChildren();
  }

  #line(id, text, className) {
    const told = [element("span", { textContent: id }), element("span", { textContent: text })];
    this.#waiting.push(element("li", { className }, ...told));
    this.#draw();
  }

  #show() {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#waiting.splice(0));
    while (list.children.length > SHOWN) list.firstChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    const { state, connections, events, duplicates, gaps } = this.#status;
    // A live region speaks whenever it is written to.
    if (connection.dataset.state !== state) {
      connection.dataset.state = state;
      connection.textContent = STATES[state];
    }
    byId("count-events").textContent = events;
    byId("count-reconnects").textContent = Math.max(0, connections - 1);
    byId("count-gaps").textContent = gaps;
    byId("count-duplicates").textContent = duplicates;
    byId("cut").disabled = state !== "open";
  }
}
