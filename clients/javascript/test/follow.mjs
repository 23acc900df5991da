// Creates a run and follows it to its end: `node follow.mjs BASE_URL`, the key in API_KEY. Prints one
// line of JSON an event, and at last what the client counted.

import { ThreadRunner } from "../src/threadrunner.js";

const client = new ThreadRunner({
  baseURL: process.argv[2],
  apiKey: process.env.API_KEY,
  timing: { firstDelay: 4, longestDelay: 40, gapWait: 20, longestGapWait: 80, refreshInterval: 150 },
});
const run = { assistant_id: "asst_1" };
const { events, runId } = await client.createRun({ run, until: "end" });
for await (const event of events) console.log(JSON.stringify(event));
console.log(JSON.stringify({ runId, status: client.status }));
client.close();
