// One connection for all that a client asks for: kept open as long as there is something, replaced
// before the gateway ends it, made anew when it is lost.

import { ConnectionLost, Passing, RequestError } from "./errors.js";
import { Feed } from "./feed.js";
import { Leaving } from "./leaving.js";
import { isText, parseFrame } from "./order.js";
import { Command, Creation } from "./requests.js";
import { dropSocket, openSocket } from "./socket.js";
import { Timers } from "./timers.js";
import { reconnectDelay, seconds } from "./timing.js";

export class Session {
  feeds = new Set();
  commands = new Set();
  status = { state: "idle", connections: 0, events: 0, duplicates: 0, gaps: 0 };
  #options;
  #socket = null;
  #attempt = null;
  #attempts = 0;
  // Milliseconds without a working connection, those of the attempts and the pauses between them:
  // time in which the computer slept does not count.
  #outage = 0;
  #timers = new Timers((action) => this.guard(action));
  #leaving = new Leaving((message) => this.send(message));
  // Frames may overtake the answer to the creation of their run.
  #strays = [];
  #named = 0;
  #failure = null;

  /** `options`: timing, WebSocket, ticket(signal), random(), onStatus(status). */
  constructor(options) {
    this.#options = options;
    this.timing = options.timing;
    globalThis.addEventListener?.("online", this.#lookAgain);
  }

  /** Begin a feed of a run or a thread. */
  follow(target) {
    const feed = this.#addFeed(target);
    this.#begin(feed.lines);
    return feed;
  }

  /** Have a run created; resolves to the server's answer and a feed of the run. */
  create(message, signal) {
    return this.#command(Creation, message, signal);
  }

  /** Have something done with a run; resolves to the server's answer. */
  change(message, signal) {
    return this.#command(Command, message, signal);
  }

  async #command(Kind, message, signal) {
    this.#check();
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const command = new Kind(this, this.#name(), message, resolve, reject);
      this.commands.add(command);
      signal?.addEventListener("abort", () => command.fail(signal.reason), { once: true });
      this.#begin([command]);
    });
  }

  /** Follow a run whose frames the server pushes already, to the connection that created it. */
  adopt(reply) {
    const feed = this.#addFeed({ threadId: reply.thread_id, runId: reply.run_id });
    feed.resolve();
    const [line] = feed.lines;
    line.registered = true;
    // A run has events at once: if none come, the server could not subscribe this connection.
    line.due(this.timing.replyTimeout);
    for (const frame of this.#strays) feed.take(frame);
    if (!this.#isCreating) this.#strays = [];
    if (reply.last != null && !line.ended) feed.answer(line, { last: reply.last });
    return { reply, feed };
  }

  /** Do something that may find that the server broke the protocol: then all is over. */
  guard(action) {
    try {
      action();
    } catch (error) {
      this.close(error);
    }
  }

  /** Add to what the status counts. */
  count(added) {
    for (const [name, number] of Object.entries(added)) this.status[name] += number;
    if (Object.values(added).some((number) => number > 0)) this.#tell();
  }

  /** End everything: in peace, or with an error for everybody who waits. */
  close(error = null) {
    if (this.#failure !== null) return;
    this.#failure = error ?? new ConnectionLost("The client was closed.");
    for (const feed of [...this.feeds]) feed.finish(error);
    for (const command of [...this.commands]) command.fail(this.#failure);
    globalThis.removeEventListener?.("online", this.#lookAgain);
    this.#timers.clear("retry");
    this.#forgetConnection();
    this.#attempt?.abort(new Passing("the client was closed"));
    this.#attempt = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) dropSocket(socket);
    this.#turn("closed");
  }

  #check() {
    if (this.#failure !== null) throw this.#failure;
  }

  #name() {
    this.#named += 1;
    return String(this.#named);
  }

  #addFeed(target) {
    this.#check();
    const feed = new Feed(this, this.#name(), target);
    this.feeds.add(feed);
    return feed;
  }

  #begin(requests) {
    if (this.#socket !== null) for (const request of requests) request.ask();
    else if (this.#attempt === null && !this.#timers.has("retry")) this.#connect();
  }

  get #wanted() {
    return this.feeds.size > 0 || this.commands.size > 0;
  }

  get #isCreating() {
    return [...this.commands].some((command) => command instanceof Creation);
  }

  get #requests() {
    return [...[...this.feeds].flatMap((feed) => feed.lines), ...this.commands];
  }

  #turn(state) {
    this.status.state = state;
    this.#tell();
  }

  #turnToWaiting() {
    this.#turn(this.status.connections === 0 ? "connecting" : "reconnecting");
  }

  #tell() {
    this.#options.onStatus?.({ ...this.status });
  }

  // Messages to the server.

  /** Send a message; if there is no connection, it is asked for again on the next one. */
  send(message) {
    if (this.#socket === null) return;
    this.#socket.send(JSON.stringify(message));
    this.#timers.set("ping", this.timing.pingInterval, () => this.#wanted && this.#ping());
    if (this.#timers.has("dead")) return;
    const dead = () => this.#abandon("the server stopped answering");
    this.#timers.set("dead", this.timing.replyTimeout, dead);
  }

  /** Send a subscription. */
  subscribe(target, message) {
    this.#leaving.subscribe(target, message);
  }

  /** Take subscriptions back that nothing else needs. */
  leave(targets) {
    if (this.#socket === null) return;
    const lines = [...this.feeds].flatMap((feed) => feed.lines).filter((line) => line.registered);
    const needed = lines.map((line) => line.target);
    this.#leaving.leave(targets, needed, this.timing.replyTimeout);
  }

  #ping() {
    this.send({ action: "ping" });
  }

  // Messages of the server.

  #receive(text) {
    this.#timers.clear("dead");
    const message = decode(text);
    // The gateway speaks for itself when a handler fails; the answer's time limit helps.
    if (message === null) return;
    if (message.type === "error" && message.id == null) {
      // It could not even read the request, or does not know the connection (any more).
      this.#abandon("the server refused a request");
      return;
    }
    this.#outage = this.#attempts = 0;
    if (message.type === "unsubscribed") this.#leaving.left(message);
    else if (message.type === undefined) this.#take(message);
    else this.#answer(message);
  }

  #take(frame) {
    parseFrame(frame);
    if (this.#isCreating) this.#strays.push(frame);
    for (const feed of [...this.feeds]) feed.take(frame);
  }

  #answer(message) {
    const request = this.#requests.find(({ id }) => id === message.id);
    if (request === undefined) return;
    if (message.type === "error") {
      const { type, code } = message.error ?? {};
      if (type === "server_error" || code === "rate_limit_exceeded") request.askLater();
      else request.fail(new RequestError(message.error ?? {}));
    } else if (message.type === request.answeredBy) {
      request.take(message);
    }
  }

  // The connection.

  async #connect() {
    const attempt = new AbortController();
    this.#attempt = attempt;
    if (this.#socket === null) this.#turnToWaiting();
    const { connectTimeout } = this.timing;
    const began = Date.now();
    const late = () => attempt.abort(new Passing("it took too long"));
    const timer = setTimeout(late, connectTimeout);
    const receive = (text) => this.guard(() => this.#receive(text));
    try {
      const socket = await openSocket({ ...this.#options, receive }, attempt.signal);
      if (attempt === this.#attempt) this.#opened(socket);
      else dropSocket(socket);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#attempt = null;
      this.#outage += Math.min(Date.now() - began, connectTimeout);
      this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #opened(socket) {
    const before = this.#socket;
    this.#attempt = null;
    this.#forgetConnection();
    this.#socket = socket;
    socket.onerror = () => {};
    socket.onclose = ({ code }) => this.#lost(socket, `it was closed with code ${code}`);
    this.#replaceIn(this.timing.connectionAge);
    this.status.connections += 1;
    this.#turn("open");
    for (const request of this.#requests) request.ask();
    // Its last frames are taken, too: they may come in any order.
    before?.close();
  }

  #failed(error) {
    if (!(error instanceof Passing)) this.close(error);
    else if (this.#socket !== null) this.#replaceIn(this.#nextDelay());
    else if (this.#wanted) this.#retry(error.message);
    else this.#turn("idle");
  }

  #lost(socket, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#forgetConnection();
    if (!this.#wanted) this.#turn("idle");
    else if (this.#attempt === null) this.#retry(reason);
    else this.#turnToWaiting();
  }

  #abandon(reason) {
    const socket = this.#socket;
    if (socket === null) return;
    this.#lost(socket, reason);
    dropSocket(socket);
  }

  #retry(reason) {
    const { giveUpAfter } = this.timing;
    if (this.#outage >= giveUpAfter) {
      const limit = seconds(giveUpAfter);
      const told = `There was no working connection for ${limit}; the last one: ${reason}.`;
      this.close(new ConnectionLost(told));
      return;
    }
    const delay = Math.min(this.#nextDelay(), giveUpAfter - this.#outage);
    this.#outage += delay;
    this.#timers.set("retry", delay, () => this.#connect());
    this.#turnToWaiting();
  }

  #replaceIn(delay) {
    this.#timers.set("replace", delay, () => this.#wanted && this.#attempt === null && this.#connect());
  }

  #nextDelay() {
    this.#attempts += 1;
    return reconnectDelay(this.timing, this.#attempts - 1, this.#options.random);
  }

  // The computer has a network again: a pause need not be waited out, and an old connection is
  // probably dead, which its silence will show.
  #lookAgain = () => {
    if (this.#socket !== null) this.#ping();
    if (!this.#timers.has("retry")) return;
    this.#timers.clear("retry");
    this.#connect();
  };

  #forgetConnection() {
    this.#timers.clear("ping", "dead", "replace");
    this.#leaving.forget();
    for (const request of this.#requests) request.rest();
  }
}

/** A message of the protocol, or null if it is none. */
function decode(text) {
  try {
    const message = JSON.parse(text);
    return "events" in message || isText(message.type) ? message : null;
  } catch {
    return null;
  }
}
