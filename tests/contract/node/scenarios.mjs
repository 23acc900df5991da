// What programs do with OpenAI's SDK for Node: the core of what the scenarios for Python do.

import assert from "node:assert/strict";

import { scenario } from "./registry.mjs";
import {
  MODEL,
  POLL,
  WEATHER,
  newCallId,
  refused,
  script,
  textOf,
  walk,
} from "./session.mjs";

const NOTES = Buffer.from("Zürich, 7 °C\r\n\0end");

scenario("an_assistant_is_made_found_changed_and_deleted", async (session) => {
  const { assistants } = session.client.beta;
  const made = await session.assistant({
    name: "Helper",
    instructions: "Be brief.",
    tools: [WEATHER],
    metadata: { team: "blue" },
    temperature: 0,
  });
  assert.deepEqual(made.metadata, { team: "blue" });
  assert.equal(made.temperature, 0);
  assert.equal(made.tools[0].function.name, "get_weather");
  assert.deepEqual(await assistants.retrieve(made.id), made);
  const changed = await assistants.update(made.id, { name: "Changed" });
  assert.deepEqual(changed, { ...made, name: "Changed" });
  assert.deepEqual(await session.deleteAssistant(made.id), {
    id: made.id,
    object: "assistant.deleted",
    deleted: true,
  });
  await refused(session.sdk.NotFoundError, () => assistants.retrieve(made.id));
});

scenario("assistants_are_listed", async (session) => {
  const { assistants } = session.client.beta;
  const ids = [];
  for (let number = 0; number < 3; number++) ids.push((await session.assistant()).id);
  const newest = await assistants.list({ limit: 3 });
  assert.deepEqual(newest.data.map(({ id }) => id), ids.toReversed());
  const rest = await walk(assistants.list({ order: "asc", after: ids[0], limit: 1 }));
  assert.deepEqual(rest.map(({ id }) => id), ids.slice(1));
});

scenario("a_thread_is_made_found_changed_and_deleted", async (session) => {
  const { threads } = session.client.beta;
  const made = await threads.create({
    messages: [{ role: "user", content: "Hello" }],
    metadata: { a: "1" },
  });
  assert.deepEqual(await threads.retrieve(made.id), made);
  const changed = await threads.update(made.id, { metadata: { b: "2" } });
  assert.deepEqual(changed, { ...made, metadata: { b: "2" } });
  assert.deepEqual(await session.deleteThread(made.id), {
    id: made.id,
    object: "thread.deleted",
    deleted: true,
  });
  await refused(session.sdk.NotFoundError, () => threads.retrieve(made.id));
});

scenario("a_thread_is_made_of_nothing", async (session) => {
  const made = await session.client.beta.threads.create();
  assert.deepEqual(made.metadata, {});
});

scenario("a_message_is_made_found_changed_and_deleted", async (session) => {
  const thread = await session.thread();
  const made = await session.client.beta.threads.messages.create(thread, {
    role: "user",
    content: [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: "https://images.example/a.png", detail: "low" } },
    ],
  });
  assert.equal(textOf(made), "What is this?");
  assert.equal(made.content[1].image_url.url, "https://images.example/a.png");
  assert.deepEqual(await session.getMessage(thread, made.id), made);
  const changed = await session.updateMessage(thread, made.id, { metadata: { a: "1" } });
  assert.deepEqual(changed, { ...made, metadata: { a: "1" } });
  assert.deepEqual(await session.deleteMessage(thread, made.id), {
    id: made.id,
    object: "thread.message.deleted",
    deleted: true,
  });
  await refused(session.sdk.NotFoundError, () => session.getMessage(thread, made.id));
});

scenario("the_sdk_walks_through_all_pages_of_messages", async (session) => {
  const { messages } = session.client.beta.threads;
  const thread = await session.thread(..."abcdefg");
  const walked = await walk(messages.list(thread, { limit: 3, order: "asc" }));
  assert.deepEqual(walked.map(textOf), [..."abcdefg"]);
  const newest = await messages.list(thread, { limit: 2 });
  assert.deepEqual(newest.data.map(textOf), ["g", "f"]);
  assert.equal(newest.hasNextPage(), true);
  const before = await messages.list(thread, { order: "asc", before: walked[2].id });
  assert.deepEqual(before.data.map(textOf), ["a", "b"]);
});

scenario("a_run_is_created_and_polled", async (session) => {
  const { threads } = session.client.beta;
  const thread = await session.thread(script({ text: "Hello yourself." }));
  const assistant_id = (await session.assistant()).id;
  const run = await threads.runs.createAndPoll(thread, { assistant_id }, POLL);
  assert.equal(run.status, "completed");
  assert.ok(run.usage.total_tokens > 0);
  const [message] = await walk(threads.messages.list(thread, { run_id: run.id }));
  assert.equal(textOf(message), "Hello yourself.");
  const [step] = await walk(session.listSteps(thread, run.id, { limit: 1 }));
  assert.equal(step.step_details.message_creation.message_id, message.id);
  assert.deepEqual(await session.getStep(thread, run.id, step.id), step);
});

scenario("a_run_is_created_with_many_parameters", async (session) => {
  const thread = await session.thread("One");
  const run = await session.client.beta.threads.runs.create(thread, {
    assistant_id: (await session.assistant()).id,
    include: ["step_details.tool_calls[*].file_search.results[*].content"],
    model: "another-model",
    instructions: "Be brief.",
    additional_messages: [{ role: "user", content: "Two" }],
    tools: [WEATHER],
    tool_choice: { type: "function", function: { name: "get_weather" } },
    truncation_strategy: { type: "last_messages", last_messages: 5 },
    max_completion_tokens: 300,
    temperature: 0,
    metadata: { a: "1" },
  });
  assert.equal(run.status, "queued");
  assert.equal(run.model, "another-model");
  assert.equal(run.temperature, 0);
  assert.deepEqual(run.truncation_strategy, { type: "last_messages", last_messages: 5 });
  const waiting = await session.pollRun(thread, run.id, POLL);
  assert.equal(waiting.status, "requires_action");
  assert.equal((await session.cancelRun(thread, run.id)).status, "cancelled");
});

scenario("a_thread_and_its_run_are_created_at_once", async (session) => {
  const { threads } = session.client.beta;
  const body = {
    assistant_id: (await session.assistant()).id,
    thread: { messages: [{ role: "user", content: "Hello" }], metadata: { a: "1" } },
  };
  const run = await threads.createAndRunPoll(body, POLL);
  assert.equal(run.status, "completed");
  assert.deepEqual((await threads.retrieve(run.thread_id)).metadata, { a: "1" });
  assert.equal((await threads.createAndRun(body)).status, "queued");
});

scenario("a_run_is_found_listed_and_changed", async (session) => {
  const run = await session.finishedRun();
  assert.deepEqual(await session.getRun(run.thread_id, run.id), run);
  const listed = await walk(session.client.beta.threads.runs.list(run.thread_id));
  assert.deepEqual(listed, [run]);
  const changed = await session.updateRun(run.thread_id, run.id, { metadata: { a: "1" } });
  assert.deepEqual(changed, { ...run, metadata: { a: "1" } });
});

scenario("functions_are_answered", async (session) => {
  const ids = [newCallId(), newCallId()];
  const run = await session.waitingRun(...ids);
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  assert.deepEqual(calls.map(({ id }) => id), ids);
  assert.deepEqual(JSON.parse(calls[0].function.arguments), { city: "Oslo" });
  const tool_outputs = ids.map((tool_call_id) => ({ tool_call_id, output: "rain" }));
  const done = await session.submitAndPoll(run.thread_id, run.id, { tool_outputs }, POLL);
  assert.equal(done.status, "completed");
  const steps = await walk(session.listSteps(run.thread_id, run.id, { order: "asc", limit: 1 }));
  assert.deepEqual(steps.map(({ type }) => type), ["tool_calls", "message_creation"]);
});

scenario("outputs_for_other_calls_are_refused", async (session) => {
  const id = newCallId();
  const run = await session.waitingRun(id);
  const submit = (tool_call_id) =>
    session.submit(run.thread_id, run.id, { tool_outputs: [{ tool_call_id, output: "x" }] });
  const error = await refused(session.sdk.BadRequestError, () => submit("b"));
  assert.equal(error.message, `Expected tool outputs for call_ids ['${id}'], got ['b']`);
  const again = await submit(id);
  assert.equal(again.status, "queued");
  await session.pollRun(run.thread_id, run.id, POLL);
  const late = await refused(session.sdk.BadRequestError, () => submit(id));
  assert.equal(late.message, 'Runs in status "completed" do not accept tool outputs.');
});

scenario("a_busy_thread_refuses_messages_and_runs", async (session) => {
  const { messages, runs } = session.client.beta.threads;
  const { BadRequestError } = session.sdk;
  const { id, thread_id: thread, assistant_id } = await session.waitingRun(newCallId());
  const message = { role: "user", content: "More" };
  let error = await refused(BadRequestError, () => messages.create(thread, message));
  assert.equal(error.message, `Can't add messages to ${thread} while a run ${id} is active.`);
  error = await refused(BadRequestError, () => runs.create(thread, { assistant_id }));
  assert.equal(error.message, `Thread ${thread} already has an active run ${id}.`);
  assert.equal((await session.cancelRun(thread, id)).status, "cancelled");
  error = await refused(BadRequestError, () => session.cancelRun(thread, id));
  assert.equal(error.message, "Cannot cancel run with status 'cancelled'.");
});

scenario("a_file_is_uploaded_read_listed_and_deleted", async (session) => {
  const { files } = session.client;
  const file = await session.sdk.toFile(NOTES, "notes.txt", { type: "text/plain" });
  const made = await files.create({ file, purpose: "assistants" });
  assert.equal(made.filename, "notes.txt");
  assert.equal(made.bytes, NOTES.length);
  assert.deepEqual(await files.retrieve(made.id), made);
  const content = await files.content(made.id);
  assert.deepEqual(Buffer.from(await content.arrayBuffer()), NOTES);
  assert.deepEqual(await walk(files.list({ purpose: "assistants" })), [made]);
  assert.deepEqual(await session.deleteFile(made.id), {
    id: made.id,
    object: "file",
    deleted: true,
  });
  await refused(session.sdk.NotFoundError, () => files.retrieve(made.id));
});

scenario("the_models_are_listed_and_retrieved", async (session) => {
  const { models } = session.client;
  const listed = await walk(models.list());
  assert.ok(listed.length > 0);
  for (const model of listed) assert.deepEqual(await models.retrieve(model.id), model);
});

scenario("errors_have_class_status_code_param_and_words", async (session) => {
  const { assistants, threads } = session.client.beta;
  const { AuthenticationError, BadRequestError, NotFoundError } = session.sdk;
  assert.deepEqual(await refused(BadRequestError, () => assistants.list({ limit: 101 })), {
    status: 400,
    type: "invalid_request_error",
    code: "integer_above_max_value",
    param: "limit",
    message:
      "Invalid 'limit': integer above maximum value. " +
      "Expected a value <= 100, but got 101 instead.",
  });
  const hot = await refused(BadRequestError, () => session.assistant({ temperature: 3 }));
  assert.deepEqual([hot.param, hot.code], ["temperature", "decimal_above_max_value"]);
  const stranger = session.clientWith("sk-wrong-0123456789abcdef0123456789");
  const denied = await refused(AuthenticationError, () => stranger.beta.assistants.list());
  assert.deepEqual([denied.status, denied.code], [401, "invalid_api_key"]);
  const thread = await session.thread();
  for (const [kind, id, call] of [
    ["assistant", "asst_none", () => assistants.retrieve("asst_none")],
    ["assistant", "asst_none", () => assistants.update("asst_none", { model: MODEL })],
    ["thread", "thread_none", () => threads.retrieve("thread_none")],
    ["thread", "thread_none", () => session.deleteThread("thread_none")],
    ["message", "msg_none", () => session.getMessage(thread, "msg_none")],
    ["run", "run_none", () => session.getRun(thread, "run_none")],
  ]) {
    const missing = await refused(NotFoundError, call);
    assert.deepEqual([missing.status, missing.message], [404, `No ${kind} found with id '${id}'.`]);
  }
});

scenario("every_answer_has_a_request_id", async (session) => {
  const { threads } = session.client.beta;
  const made = await threads.create();
  assert.match(made._request_id, /^req_/);
  const { data, response } = await threads.retrieve(made.id).withResponse();
  assert.equal(data.id, made.id);
  assert.match(response.headers.get("x-request-id"), /^req_/);
});

scenario("azures_client_holds_a_conversation", async (session) => {
  const client = session.azure(session.key);
  const { id: assistant_id } = await client.beta.assistants.create({ model: MODEL });
  const thread = await client.beta.threads.create({
    messages: [{ role: "user", content: "Hello" }],
  });
  const run = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id }, POLL);
  assert.equal(run.status, "completed");
  assert.equal((await walk(client.beta.threads.messages.list(thread.id, { limit: 1 }))).length, 2);
});
