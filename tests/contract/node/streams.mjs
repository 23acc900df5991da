// Runs that are streamed. From version 7.10 on, the SDK checks the order of what it is told, and
// throws at the first event that does not fit.

import assert from "node:assert/strict";

import { scenario } from "./registry.mjs";
import { MODEL, WEATHER, newCallId, refused, script, textOf, walk } from "./session.mjs";

const HEAD = ["run.created", "run.queued", "run.in_progress"];
const STEP = ["run.step.created", "run.step.in_progress"];
const OPENING = [...STEP, "message.created", "message.in_progress", "message.delta"];
const MESSAGE = [...OPENING, "message.completed", "run.step.completed"];
const CALLS = [...STEP, "run.step.delta"];
const AGAIN = ["run.step.completed", "run.queued", "run.in_progress"];

/** Return the events' names without `thread.`, neighbouring deltas as one. */
function namesOf(events) {
  const names = events.map(({ event }) => event.replace(/^thread\./, ""));
  return names.filter((name, place) => !(name.endsWith("delta") && name === names[place - 1]));
}

/** Return a turn of the model that calls functions, after some text. */
function calling(ids, text) {
  const calls = ids.map((id) => ({ id, name: "get_weather", arguments: { city: "Oslo" } }));
  return text === undefined ? { calls } : { calls, text };
}

/** Keep what a stream tells. */
function follow(stream) {
  const told = { events: [], said: "", texts: [], calls: [], stream };
  stream
    .on("event", (event) => told.events.push(event))
    .on("textDelta", ({ value }) => (told.said += value ?? ""))
    .on("textDone", ({ value }) => told.texts.push(value))
    .on("toolCallDone", (call) => told.calls.push(call));
  return told;
}

/** Stream a run on a thread with a text. */
async function start(session, text, fields = {}) {
  const assistant_id = (await session.assistant({ tools: [WEATHER] })).id;
  const thread = await session.thread(text);
  const stream = session.client.beta.threads.runs.stream(thread, { assistant_id, ...fields });
  return Object.assign(follow(stream), { thread });
}

/** Stream the outputs of the calls that a run waits for. */
function answer(session, run) {
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: "rain" }));
  return follow(session.submitStream(run.thread_id, run.id, { tool_outputs }));
}

scenario("a_run_is_streamed", async (session) => {
  const told = await start(session, script({ text: { tokens: 60 } }));
  const run = await told.stream.finalRun();
  const [{ id }] = await told.stream.finalMessages();
  assert.deepEqual(namesOf(told.events), [...HEAD, ...MESSAGE, "run.completed"]);
  assert.equal(run.status, "completed");
  assert.equal(told.said, Array.from({ length: 60 }, (_, number) => number + 1).join(" "));
  assert.deepEqual(told.texts, [told.said]);
  assert.deepEqual(await session.getRun(told.thread, run.id), run);
  const stored = await session.getMessage(told.thread, id);
  assert.equal(textOf(stored), told.said);
  const { data } = told.events.find(({ event }) => event === "thread.message.completed");
  assert.deepEqual(stored, data);
});

scenario("a_run_is_created_with_stream_true", async (session) => {
  const assistant_id = (await session.assistant()).id;
  const thread = await session.thread(script({ text: "It rains. \u2028Zürich: 7 °C" }));
  const { runs } = session.client.beta.threads;
  const events = await walk(await runs.create(thread, { assistant_id, stream: true }));
  assert.deepEqual(namesOf(events), [...HEAD, ...MESSAGE, "run.completed"]);
  const done = events.find(({ event }) => event === "thread.message.completed");
  assert.equal(textOf(done.data), "It rains. \u2028Zürich: 7 °C");
});

scenario("a_thread_and_its_run_are_streamed", async (session) => {
  const assistant_id = (await session.assistant()).id;
  const thread = { messages: [{ role: "user", content: "Hello" }] };
  const told = follow(session.client.beta.threads.createAndRunStream({ assistant_id, thread }));
  assert.equal((await told.stream.finalRun()).status, "completed");
  assert.deepEqual(namesOf(told.events), ["created", ...HEAD, ...MESSAGE, "run.completed"]);
});

scenario("calls_are_answered_in_a_second_stream", async (session) => {
  const ids = [newCallId(), newCallId()];
  const told = await start(session, script(calling(ids, "A moment."), { text: "It rains." }));
  const run = await told.stream.finalRun();
  assert.equal(run.status, "requires_action");
  assert.deepEqual(
    namesOf(told.events),
    [...HEAD, ...MESSAGE, ...CALLS, "run.requires_action"],
  );
  const then = answer(session, run);
  assert.equal((await then.stream.finalRun()).status, "completed");
  assert.deepEqual(namesOf(then.events), [...AGAIN, ...MESSAGE, "run.completed"]);
  assert.deepEqual([...told.texts, ...then.texts], ["A moment.", "It rains."]);
});

scenario("calls_are_answered_from_within_the_stream", async (session) => {
  const turns = [calling([newCallId()]), calling([newCallId()]), { text: "It rains." }];
  let told = await start(session, script(...turns));
  const names = [];
  for (;;) {
    let then;
    told.stream.on("event", ({ event, data }) => {
      if (event === "thread.run.requires_action") then = answer(session, data);
    });
    const run = await told.stream.finalRun();
    names.push(...namesOf(told.events));
    if (then === undefined) {
      assert.equal(run.status, "completed");
      break;
    }
    told = then;
  }
  assert.deepEqual(told.texts, ["It rains."]);
  assert.equal(names.filter((name) => name === "run.requires_action").length, 2);
});

scenario("a_run_that_fails_ends_its_stream", async (session) => {
  const told = await start(session, script({ fail: { status: 400 } }));
  const run = await told.stream.finalRun();
  assert.deepEqual([run.status, run.last_error.code], ["failed", "invalid_prompt"]);
  assert.deepEqual(namesOf(told.events), [...HEAD, "run.failed"]);
});

scenario("a_run_that_meets_its_limit_ends_its_stream", async (session) => {
  const text = script({ text: { tokens: 400 } });
  const told = await start(session, text, { max_completion_tokens: 256 });
  // The oldest version does not take this for an end, and complains when the stream ends.
  await told.stream.done().catch(() => undefined);
  assert.equal(told.events.at(-1).data.status, "incomplete");
  const ended = ["message.incomplete", "run.step.completed", "run.incomplete"];
  assert.deepEqual(namesOf(told.events), [...HEAD, ...OPENING, ...ended]);
});

scenario("a_run_that_is_cancelled_ends_its_stream", async (session) => {
  const told = await start(session, script({ text: { tokens: 5000 }, rate: 100 }));
  told.stream.once("textCreated", () => {
    const { id, thread_id } = told.stream.currentRun();
    session.cancelRun(thread_id, id);
  });
  assert.equal((await told.stream.finalRun()).status, "cancelled");
  const ended = ["message.incomplete", "run.step.cancelled", "run.cancelled"];
  const names = namesOf(told.events).filter((name) => name !== "message.delta");
  assert.deepEqual(names, [...HEAD, ...OPENING.slice(0, -1), "run.cancelling", ...ended]);
});

scenario("a_run_that_expires_ends_its_stream", async (session) => {
  const text = script({ text: { tokens: 1000 }, rate: 10 });
  const told = await start(session, text, { expires_after_seconds: 10 });
  assert.equal((await told.stream.finalRun()).status, "expired");
  const ended = ["message.incomplete", "run.step.expired", "run.expired"];
  assert.deepEqual(namesOf(told.events), [...HEAD, ...OPENING, ...ended]);
});

scenario("a_stream_that_cannot_begin_is_an_ordinary_error", async (session) => {
  const { id, thread_id, assistant_id } = await session.waitingRun(newCallId());
  const { runs } = session.client.beta.threads;
  const begin = () => runs.stream(thread_id, { assistant_id }).finalRun();
  const error = await refused(session.sdk.BadRequestError, begin);
  assert.equal(error.message, `Thread ${thread_id} already has an active run ${id}.`);
});

scenario("azures_client_streams", async (session) => {
  const client = session.azure(session.key);
  const { id: assistant_id } = await client.beta.assistants.create({ model: MODEL });
  const thread = { messages: [{ role: "user", content: "Hello" }] };
  const told = follow(client.beta.threads.createAndRunStream({ assistant_id, thread }));
  assert.equal((await told.stream.finalRun()).status, "completed");
});
