// The client against a gateway that does what it is told, on a clock that stands still.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import * as threadrunner from "../src/threadrunner.js";
import { Gateway, RUN, THREAD, event, pass, reading, settle } from "./gateway.mjs";

const END = event("1-9", "thread.run.completed");
const PAUSE = event("1-5", "thread.run.requires_action");
let gateway;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  gateway = new Gateway();
});

/** A client that follows the run, on a connection that stands. */
async function following(options = {}, target = { threadId: THREAD, runId: RUN }) {
  const client = gateway.client(options);
  const subscription = client.subscribe(target);
  const read = reading(subscription);
  await settle();
  return { client, subscription, read };
}

test("a run is followed to its end", async () => {
  const { client, read } = await following();
  assert.deepEqual(gateway.now.requests, [
    { action: "subscribe", thread_id: THREAD, run_id: RUN, id: "1" },
  ]);
  gateway.now.push(null, [event("1-0"), event("1-1")]);
  gateway.now.confirm(gateway.now.last, "1-1");
  gateway.now.push("1-1", [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-0", "1-1", "1-9"]);
  assert.equal(read.error, null);
  // The server needs no telling: a run that has ended has no further event.
  assert.equal(gateway.now.requests.length, 1);
  client.close();
  await settle();
  assert.equal(gateway.now.closed, true);
  assert.equal(client.status.state, "closed");
});

test("a ticket opens one connection, and stands in the URL alone", async () => {
  const { client } = await following();
  assert.equal(gateway.now.url, "wss://gateway.test/live?ticket=ticket-1&protocol=1");
  gateway.now.cut();
  await settle();
  await pass(250);
  assert.equal(gateway.now.url, "wss://gateway.test/live?ticket=ticket-2&protocol=1");
  client.close();
});

test("after a cut the subscription goes on behind the last event", async () => {
  const { client, read } = await following();
  gateway.now.push(null, [event("1-0"), event("1-1")]);
  gateway.now.cut();
  await settle();
  assert.equal(client.status.state, "reconnecting");
  await pass(250);
  assert.equal(gateway.now.last.after, "1-1");
  assert.equal(client.status.state, "open");
  gateway.now.push("1-0", [event("1-1"), event("1-2")]);
  gateway.now.push("1-2", [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-0", "1-1", "1-2", "1-9"]);
  const { connections, events, duplicates } = client.status;
  assert.deepEqual([connections, events, duplicates], [2, 4, 1]);
  client.close();
});

test("pauses between attempts grow, and after a minute the client says why", async () => {
  const { read } = await following({ ticket: undefined, baseURL: "https://api.test/v1", fetch: () => {
    gateway.tickets += 1;
    return Promise.reject(new TypeError("SECRET"));
  } });
  const attempts = [];
  for (let second = 0; second < 120 && !read.done; second += 0.25) {
    const before = gateway.tickets;
    await pass(250);
    if (gateway.tickets > before) attempts.push(second);
  }
  const pauses = attempts.map((at, index) => at - (attempts[index - 1] ?? 0));
  assert.deepEqual(pauses.slice(1, 6), [0.5, 1, 2, 4, 8]);
  assert.ok(read.error instanceof threadrunner.ConnectionLost);
  assert.match(read.error.message, /no working connection for 60 s; the last one: .*TypeError/);
  assert.doesNotMatch(read.error.message, /SECRET/);
});

test("pauses are spread, so that clients do not come back together", async () => {
  const { client } = await following({ random: () => 0 });
  gateway.now.cut();
  await settle();
  await pass(124);
  assert.equal(gateway.connections.length, 1);
  await pass(1);
  assert.equal(gateway.connections.length, 2);
  client.close();
});

test("a handshake that is refused is tried again with a new ticket", async () => {
  gateway.refuses = true;
  const { client, read } = await following();
  assert.equal(client.status.state, "connecting");
  gateway.refuses = false;
  await pass(250);
  gateway.now.push(null, [END]);
  await read.whole;
  assert.deepEqual([read.ids, gateway.tickets], [["1-9"], 2]);
  client.close();
});

test("a caller's ticket that fails in passing is asked for again", async () => {
  gateway.trouble = new TypeError("no network");
  const { client } = await following();
  assert.equal(gateway.connections.length, 0);
  gateway.trouble = null;
  await pass(250);
  assert.equal(client.status.state, "open");
  client.close();
});

test("a missing frame is asked for when the next one shows it", async () => {
  const { client, read } = await following();
  gateway.now.push(null, [event("1-0")]);
  gateway.now.confirm(gateway.now.last, "1-0");
  gateway.now.push("1-1", [event("1-2")]);
  await pass(499);
  assert.equal(gateway.now.requests.length, 1);
  await pass(1);
  assert.deepEqual([gateway.now.requests.length, gateway.now.last.after], [2, "1-0"]);
  gateway.now.push("1-0", [event("1-1")]);
  await settle();
  assert.deepEqual(read.ids, ["1-0", "1-1", "1-2"]);
  assert.equal(client.status.gaps, 1);
  client.close();
});

test("a frame that comes late fills its gap without a question", async () => {
  const { client, read } = await following();
  gateway.now.confirm(gateway.now.last);
  gateway.now.push("1-0", [event("1-1")]);
  gateway.now.push(null, [event("1-0")]);
  await pass(1_000);
  assert.deepEqual([read.ids, gateway.now.requests.length], [["1-0", "1-1"], 1]);
  client.close();
});

test("a frame that was lost at the end is found out after a silence", async () => {
  const { client } = await following();
  gateway.now.push(null, [event("1-0")]);
  gateway.now.confirm(gateway.now.last, "1-0");
  await pass(120_000);
  assert.deepEqual([gateway.now.requests.length, gateway.now.last.after], [2, "1-0"]);
  client.close();
});

test("what the server says it pushed and never comes has expired", async () => {
  const { client, read } = await following();
  for (let answers = 0; answers < 6; answers += 1) {
    gateway.now.confirm(gateway.now.last, "1-7", "completed");
    await pass(15_000);
  }
  assert.ok(read.error instanceof threadrunner.EventsExpired);
  client.close();
});

test("a run that has ended and has no further event ends the loop", async () => {
  const { client, read } = await following({}, { threadId: THREAD, runId: RUN, after: "1-9" });
  for (let answers = 0; answers < 4; answers += 1) {
    gateway.now.confirm(gateway.now.last, "1-9", "completed");
    await pass(15_000);
  }
  assert.deepEqual([read.done, read.error, read.ids], [true, null, []]);
  client.close();
});

test("a connection that stops answering is replaced", async () => {
  const { client } = await following();
  const silent = gateway.now;
  await pass(10_000);
  assert.equal(silent.closed, true);
  await pass(250);
  assert.notEqual(gateway.now, silent);
  client.close();
});

test("a ping goes out every few minutes of silence", async () => {
  const { client } = await following({ timing: { refreshInterval: 3_600_000 } });
  gateway.now.confirm(gateway.now.last);
  for (const pings of [1, 2]) {
    await pass(240_000);
    gateway.now.say({ type: "pong" });
    assert.equal(gateway.now.requests.filter(({ action }) => action === "ping").length, pings);
  }
  client.close();
});

test("a connection is replaced before its two hours are over, without a gap", async () => {
  const { client, read } = await following();
  const old = gateway.now;
  for (let minute = 0; minute < 110; minute += 1) {
    old.confirm({ ...old.requests[0] });
    await pass(60_000);
  }
  const renewed = gateway.now;
  assert.notEqual(renewed, old);
  assert.deepEqual([old.closed, client.status.state], [true, "open"]);
  // What the old one still had to say counts, once.
  old.push(null, [event("1-0")]);
  renewed.push(null, [event("1-0"), event("1-1")]);
  await settle();
  assert.deepEqual(read.ids, ["1-0", "1-1"]);
  client.close();
});

test("a loop ends when the run waits for outputs; a further one goes on behind it", async () => {
  const { client, subscription, read } = await following();
  gateway.now.push(null, [event("1-0"), PAUSE]);
  gateway.now.confirm(gateway.now.last, "1-5");
  await read.whole;
  assert.deepEqual(read.ids, ["1-0", "1-5"]);
  await settle();
  assert.equal(gateway.now.last.action, "unsubscribe");
  const rest = reading(subscription);
  await settle();
  // The gateway may carry out two messages in either order: the new one waits for the answer.
  assert.equal(gateway.now.last.action, "unsubscribe");
  gateway.now.say({ type: "unsubscribed", thread_id: THREAD, run_id: RUN });
  await settle();
  assert.deepEqual([gateway.now.last.action, gateway.now.last.after], ["subscribe", "1-5"]);
  gateway.now.push("1-5", [END]);
  await rest.whole;
  assert.deepEqual(rest.ids, ["1-9"]);
  const nothing = reading(subscription);
  await nothing.whole;
  assert.deepEqual([nothing.ids, nothing.error], [[], null]);
  client.close();
});

test("with until: end, a loop goes on when the run waits for outputs", async () => {
  const target = { threadId: THREAD, runId: RUN, until: "end" };
  const { client, read } = await following({}, target);
  gateway.now.push(null, [PAUSE]);
  await settle();
  assert.equal(read.done, false);
  gateway.now.push("1-5", [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-5", "1-9"]);
  client.close();
});

test("a thread is followed from run to run until it is closed", async () => {
  const { client, subscription, read } = await following({}, { threadId: THREAD });
  assert.deepEqual(gateway.now.last, { action: "subscribe", thread_id: THREAD, id: "1" });
  gateway.now.confirm(gateway.now.last);
  gateway.now.push(null, [event("1-0"), END], "run_a");
  gateway.now.push("1-0", [event("1-1")], "run_b");
  await pass(500);
  // Only the run with the gap is asked for, and taken back when it is whole.
  assert.deepEqual(gateway.now.last, {
    action: "subscribe",
    thread_id: THREAD,
    run_id: "run_b",
    id: "1/run_b",
  });
  gateway.now.push(null, [event("1-0")], "run_b");
  gateway.now.confirm(gateway.now.last, "1-0");
  await settle();
  assert.deepEqual(gateway.now.last, {
    action: "unsubscribe",
    thread_id: THREAD,
    run_id: "run_b",
  });
  assert.deepEqual(
    read.events.map(({ runId, id }) => `${runId} ${id}`),
    ["run_a 1-0", "run_a 1-9", "run_b 1-0", "run_b 1-1"],
  );
  subscription.close();
  await read.whole;
  assert.equal(read.error, null);
  client.close();
});

test("subscribing resolves when the server knows of it", async () => {
  const client = gateway.client();
  const subscription = client.subscribe({ threadId: THREAD });
  let ready = false;
  subscription.ready.then(() => (ready = true));
  await settle();
  assert.equal(ready, false);
  gateway.now.confirm(gateway.now.last);
  await settle();
  assert.equal(ready, true);
  client.close();
});

test("a loop that is left takes the subscription back", async () => {
  const client = gateway.client();
  const subscription = client.subscribe({ threadId: THREAD, runId: RUN });
  const first = (async () => {
    for await (const { id } of subscription) return id;
  })();
  await settle();
  gateway.now.push(null, [event("1-0"), event("1-1")]);
  assert.equal(await first, "1-0");
  assert.equal(subscription.last, "1-0");
  assert.equal(gateway.now.last.action, "unsubscribe");
  client.close();
});

test("a signal ends a loop with its reason", async () => {
  const stop = new AbortController();
  const target = { threadId: THREAD, runId: RUN, signal: stop.signal };
  const { client, read } = await following({}, target);
  stop.abort();
  await read.whole;
  assert.equal(read.error.name, "AbortError");
  assert.equal(gateway.now.last.action, "unsubscribe");
  client.close();
});

test("a refusal is an error with the server's words", async () => {
  const { client, read } = await following();
  const error = { message: "No run.", type: "invalid_request_error", param: "run_id", code: null };
  gateway.now.say({ type: "error", error, id: gateway.now.last.id });
  await read.whole;
  assert.ok(read.error instanceof threadrunner.RequestError);
  assert.deepEqual([read.error.message, read.error.param], ["No run.", "run_id"]);
  client.close();
});

test("a refusal that may pass is tried again", async () => {
  const { client, read } = await following();
  const error = { message: "Busy.", type: "server_error" };
  gateway.now.say({ type: "error", error, id: gateway.now.last.id });
  await pass(500);
  assert.deepEqual([gateway.now.requests.length, read.error], [2, null]);
  client.close();
});

test("a connection that the server no longer knows is made anew", async () => {
  const { client } = await following();
  gateway.now.say({ type: "error", error: { message: "Connect again." } });
  await pass(250);
  assert.deepEqual([gateway.connections.length, gateway.now.last.action], [2, "subscribe"]);
  client.close();
});

test("what the gateway says for itself is passed over", async () => {
  const { client, read } = await following();
  for (const noise of ["", "null", "[]", '{"message": "Internal server error"}', "7", '"events"']) {
    gateway.now.say(noise);
  }
  gateway.now.push(null, [END]);
  await read.whole;
  assert.equal(read.error, null);
  client.close();
});

test("a frame that is not the protocol ends everything, and the error does not repeat it", async () => {
  const { client, read } = await following();
  gateway.now.push("SECRET", [event("1-0")]);
  await read.whole;
  assert.ok(read.error instanceof threadrunner.ProtocolError);
  assert.doesNotMatch(read.error.message, /SECRET/);
  assert.throws(() => client.subscribe({ threadId: THREAD }), threadrunner.ProtocolError);
});

test("closing ends the loops in peace, and nothing is left to do", async () => {
  const { client, read } = await following();
  client.close();
  await read.whole;
  assert.equal(read.error, null);
  await pass(3_600_000);
  assert.equal(gateway.connections.length, 1);
});

test("a network that is there again ends a pause", async () => {
  const listeners = {};
  globalThis.addEventListener = (name, listener) => (listeners[name] = listener);
  globalThis.removeEventListener = (name) => delete listeners[name];
  const { client } = await following();
  gateway.refuses = true;
  gateway.now.cut();
  for (let tries = 0; tries < 4; tries += 1) await pass(5_000);
  gateway.refuses = false;
  const before = gateway.connections.length;
  listeners.online();
  await settle();
  assert.equal(gateway.connections.length, before + 1);
  assert.equal(client.status.state, "open");
  client.close();
  assert.deepEqual(listeners, {});
  delete globalThis.addEventListener;
  delete globalThis.removeEventListener;
});

// --- Runs over the socket.

const ASKED = { assistant_id: "asst_1" };
const RUNNING = { id: RUN, thread_id: THREAD };
const CREATED = { type: "run.created", thread_id: THREAD, run_id: RUN, run: RUNNING, last: null };

test("a run is created and followed from its first event", async () => {
  const client = gateway.client();
  const creating = client.createRun({ threadId: THREAD, run: ASKED });
  await settle();
  const { idempotency_key: key, ...request } = gateway.now.last;
  assert.deepEqual(request, { action: "run.create", thread_id: THREAD, run: ASKED, id: "1" });
  assert.match(key, /^[0-9a-f]{32}$/);
  // Frames may overtake the answer.
  gateway.now.push(null, [event("1-0")]);
  gateway.now.say({ ...CREATED, id: "1", last: "1-0" });
  const { run, runId, threadId, events } = await creating;
  assert.deepEqual([run, runId, threadId], [RUNNING, RUN, THREAD]);
  const read = reading(events);
  gateway.now.push("1-0", [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-0", "1-9"]);
  assert.equal(gateway.now.requests.length, 1);
  client.close();
});

test("a creation that was cut off is asked for again under the same key", async () => {
  const client = gateway.client();
  const creating = client.createRun({ run: ASKED });
  await settle();
  const first = gateway.now.last;
  gateway.now.cut();
  await settle();
  await pass(250);
  assert.deepEqual(gateway.now.last, first);
  gateway.now.say({ ...CREATED, id: first.id });
  const { events } = await creating;
  gateway.now.cut();
  await settle();
  await pass(250);
  assert.deepEqual(gateway.now.last.action, "subscribe");
  const read = reading(events);
  gateway.now.push(null, [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-9"]);
  client.close();
});

test("frames of a created run that were lost are asked for", async () => {
  const client = gateway.client();
  const creating = client.createRun({ run: ASKED });
  await settle();
  gateway.now.say({ ...CREATED, id: "1", last: "1-3" });
  await creating;
  await pass(500);
  assert.deepEqual([gateway.now.last.action, gateway.now.last.run_id], ["subscribe", RUN]);
  client.close();
});

test("a created run without any event is asked for", async () => {
  const client = gateway.client();
  const creating = client.createRun({ run: ASKED });
  await settle();
  gateway.now.say({ ...CREATED, id: "1" });
  await creating;
  await pass(10_000);
  assert.deepEqual([gateway.now.last.action, gateway.now.last.run_id], ["subscribe", RUN]);
  client.close();
});

test("a run that is refused is an error with the server's words", async () => {
  const client = gateway.client();
  const creating = client.createRun({ run: {} });
  await settle();
  const error = { message: "No.", type: "invalid_request_error", param: "run", code: "missing" };
  gateway.now.say({ type: "error", error, id: gateway.now.last.id });
  await assert.rejects(creating, { name: "RequestError", code: "missing", param: "run" });
  client.close();
});

test("outputs are submitted and a run is cancelled over the socket, once", async () => {
  const client = gateway.client();
  const target = { threadId: THREAD, runId: RUN };
  const toolOutputs = [{ tool_call_id: "call_1", output: "sun" }];
  const submitting = client.submitToolOutputs({ ...target, toolOutputs, idempotencyKey: "k" });
  await settle();
  const first = gateway.now.last;
  assert.deepEqual(first, {
    action: "run.submit_tool_outputs",
    thread_id: THREAD,
    run_id: RUN,
    tool_outputs: toolOutputs,
    idempotency_key: "k",
    id: "1",
  });
  gateway.now.cut();
  await settle();
  await pass(250);
  assert.deepEqual(gateway.now.last, first);
  gateway.now.say({ type: "run.updated", thread_id: THREAD, run_id: RUN, run: RUNNING, id: "1" });
  assert.deepEqual(await submitting, RUNNING);
  const cancelling = client.cancelRun(target);
  await settle();
  assert.equal(gateway.now.last.action, "run.cancel");
  const error = { message: "It is over.", type: "invalid_request_error", param: null, code: null };
  gateway.now.say({ type: "error", error, id: gateway.now.last.id });
  await assert.rejects(cancelling, { name: "RequestError", message: "It is over." });
  client.close();
});

// --- Over HTTP.

const KEY = "sk-SECRET";
const BASE = "https://api.test/live/v1";

/** A client with a key, whose requests are answered by `answer`. */
function keyed(answer) {
  const sent = [];
  const fetch = async (url, options) => {
    sent.push({ url, ...options });
    return answer(url, options);
  };
  return { sent, options: { ticket: undefined, baseURL: BASE, apiKey: KEY, fetch } };
}

const granted = () =>
  Response.json({ websocket_url: "wss://gateway.test/live?v=1", ticket: "t&1" });

test("with a key, the client asks for its tickets", async () => {
  const { sent, options } = keyed(granted);
  const { client } = await following(options);
  assert.equal(sent[0].url, `${BASE}/realtime/tickets`);
  assert.deepEqual([sent[0].method, sent[0].redirect], ["POST", "error"]);
  assert.deepEqual(sent[0].headers, { Authorization: `Bearer ${KEY}` });
  assert.equal(gateway.now.url, "wss://gateway.test/live?v=1&ticket=t%261&protocol=1");
  client.close();
});

test("a key that is not accepted is an error at once", async () => {
  const { sent, options } = keyed(() => new Response("", { status: 401 }));
  const { read } = await following(options);
  await read.whole;
  assert.ok(read.error instanceof threadrunner.AuthenticationError);
  assert.deepEqual([sent.length, String(read.error).includes(KEY)], [1, false]);
});

test("an event that was too large for a frame is fetched in its place", async () => {
  const href = `/v1/threads/${THREAD}/runs/${RUN}/events?after=1-0&limit=1`;
  let failures = 1;
  const { sent, options } = keyed((url) => {
    if (url.endsWith("/tickets")) return granted();
    if (failures-- > 0) return new Response("", { status: 503 });
    return Response.json({ data: [{ id: "1-1", data: { large: true } }] });
  });
  const { client, read } = await following(options);
  const large = { id: "1-1", event: "thread.message.completed", data: null, href };
  gateway.now.push(null, [event("1-0"), large, END]);
  await settle();
  await pass(250);
  await read.whole;
  assert.equal(sent.at(-1).url, `https://api.test/live${href}`);
  assert.deepEqual(read.ids, ["1-0", "1-1", "1-9"]);
  assert.deepEqual(read.events[1].data, { large: true });
  assert.equal("href" in read.events[1], false);
  client.close();
});

test("an event that the API does not give is an error at once", async () => {
  const { sent, options } = keyed((url) => {
    return url.endsWith("/tickets") ? granted() : new Response("nothing", { status: 404 });
  });
  const { client, read } = await following(options);
  gateway.now.push(null, [{ id: "1-0", event: "done", data: null, href: "/v1/x" }]);
  await read.whole;
  assert.ok(read.error instanceof threadrunner.EventUnavailable);
  assert.match(read.error.message, /HTTP status 404/);
  assert.equal(sent.length, 2);
  client.close();
});

test("a run that is too large for a WebSocket message is created over HTTP, once", async () => {
  let failures = 1;
  const { sent, options } = keyed((url) => {
    if (url.endsWith("/tickets")) return granted();
    return failures-- > 0 ? new Response("", { status: 503 }) : Response.json(RUNNING);
  });
  const client = gateway.client(options);
  const run = { ...ASKED, instructions: "x".repeat(40_000) };
  const creating = client.createRun({ threadId: THREAD, run, idempotencyKey: "once" });
  await settle();
  await pass(250);
  const { runId, events } = await creating;
  assert.equal(runId, RUN);
  const posts = sent.filter(({ url }) => url === `${BASE}/threads/${THREAD}/runs`);
  assert.deepEqual(posts.map(({ headers }) => headers["Idempotency-Key"]), ["once", "once"]);
  assert.deepEqual(JSON.parse(posts[1].body), run);
  const read = reading(events);
  await settle();
  gateway.now.push(null, [END]);
  await read.whole;
  assert.deepEqual(read.ids, ["1-9"]);
  client.close();
});

test("outputs that are too large for a WebSocket message go over HTTP", async () => {
  const { sent, options } = keyed(() => Response.json(RUNNING));
  const client = gateway.client(options);
  const toolOutputs = [{ tool_call_id: "call_1", output: "é".repeat(20_000) }];
  const run = await client.submitToolOutputs({ threadId: THREAD, runId: RUN, toolOutputs });
  assert.deepEqual(run, RUNNING);
  assert.equal(sent[0].url, `${BASE}/threads/${THREAD}/runs/${RUN}/submit_tool_outputs`);
  assert.deepEqual(JSON.parse(sent[0].body), { tool_outputs: toolOutputs });
  client.close();
});

test("an answer that is too large for a frame is fetched", async () => {
  const href = `/v1/threads/${THREAD}/runs/${RUN}`;
  const { sent, options } = keyed((url) => {
    return url.endsWith("/tickets") ? granted() : Response.json(RUNNING);
  });
  const client = gateway.client(options);
  const creating = client.createRun({ threadId: THREAD, run: ASKED });
  await settle();
  gateway.now.say({ ...CREATED, id: "1", run: null, href });
  assert.deepEqual((await creating).run, RUNNING);
  assert.equal(sent.at(-1).url, `https://api.test/live${href}`);
  client.close();
});

test("an event that cannot be had is an error, and a further loop tries again", async () => {
  const { client, subscription, read } = await following();
  const large = { id: "1-0", event: "thread.message.completed", data: null, href: "/v1/x" };
  gateway.now.push(null, [large]);
  await read.whole;
  assert.ok(read.error instanceof threadrunner.EventUnavailable);
  assert.equal(subscription.last, null);
  client.close();
});

for (const [what, options] of Object.entries({
  "no address": {},
  "an address that is none": { baseURL: "ftp://api.test" },
  "a key with a line break": { baseURL: BASE, apiKey: `${KEY}\n` },
  "a time that is none": { baseURL: BASE, timing: { pingInterval: 0 } },
  "a time that nobody knows": { baseURL: BASE, timing: { pingIntervall: 1 } },
})) {
  test(`${what} is refused without showing a key`, () => {
    assert.throws(
      () => new threadrunner.ThreadRunner({ WebSocket: gateway.WebSocket, ...options }),
      (error) => /TypeError|RangeError/.test(error.name) && !String(error).includes("SECRET"),
    );
  });
}
