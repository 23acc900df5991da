// A client of the SDK, and short words for what scenarios need.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { resolve } from "node:path";

import { methodsOf } from "./sdk.mjs";

export const MODEL = "scripted-model";
export const POLL = { pollIntervalMs: 50 };
export const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tells the weather.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** Return one program's view of the service. */
export function openSession(url, key, directory, name) {
  const load = createRequire(resolve(directory, "package.json"));
  const sdk = load(name);
  const version = load(`${name}/version`).VERSION;
  const major = Number(version.split(".")[0]);
  const clientWith = (apiKey) => new sdk.OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
  const client = clientWith(key);
  const azure = (apiKey) =>
    new sdk.AzureOpenAI({
      endpoint: url,
      apiKey,
      apiVersion: "2024-05-01-preview",
      maxRetries: 0,
    });
  const session = { sdk, version, key, client, clientWith, azure, ...methodsOf(client, major) };
  return Object.assign(session, wordsOf(session));
}

function wordsOf(session) {
  const { assistants, threads } = session.client.beta;
  const assistant = (fields) => assistants.create({ model: MODEL, ...fields });
  const thread = async (...texts) => {
    const messages = texts.map((content) => ({ role: "user", content }));
    return (await threads.create({ messages })).id;
  };
  const runTo = async (status, content, fields) => {
    const assistant_id = (await assistant(fields)).id;
    const run = await threads.runs.createAndPoll(await thread(content), { assistant_id }, POLL);
    assert.equal(run.status, status);
    return run;
  };
  return {
    assistant,
    thread,
    finishedRun: () => runTo("completed", "Hello"),
    waitingRun: (...ids) => {
      const calls = ids.map((id) => ({ id, name: "get_weather", arguments: { city: "Oslo" } }));
      return runTo("requires_action", script({ calls }, { text: "It rains." }), {
        tools: [WEATHER],
      });
    },
  };
}

/** Return a message that tells the scripted model what to do, as no other does. */
export function script(...turns) {
  return `@script ${JSON.stringify({ name: randomUUID(), turns })}`;
}

/** Return an id for a tool call. */
export function newCallId() {
  return `call_${randomUUID().replaceAll("-", "")}`;
}

/** Return the error of a call that the API must refuse with an error of this class. */
export async function refused(kind, call) {
  let result;
  try {
    result = await call();
  } catch (error) {
    assert.equal(error.constructor, kind, `${error.stack} is no ${kind.name}`);
    assert.match(error.requestID ?? error.request_id ?? "", /^req_/);
    // The SDK puts the status before the API's words.
    return { ...error.error, status: error.status, message: error.message.replace(/^\d+ /, "") };
  }
  assert.fail(`got ${JSON.stringify(result)}, expected ${kind.name}`);
}

/** Return what a list iterates over, page after page. */
export async function walk(list) {
  const found = [];
  for await (const item of list) found.push(item);
  return found;
}

/** Return the text of a message's first part. */
export function textOf(message) {
  return message.content[0].text.value;
}
