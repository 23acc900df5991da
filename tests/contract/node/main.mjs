// Runs every scenario with one major version of the SDK; prints one line of JSON a scenario.
//
//     node main.mjs URL DIRECTORY PACKAGE
//
// URL is the API's root, the part before /v1; DIRECTORY is where the SDKs are installed; PACKAGE is
// one of them, such as openai-7. The key is read from the environment variable OPENAI_API_KEY. The
// first line says the SDK's version, each other one a scenario's name and its faults: none if it
// went well.

import { scenarios } from "./registry.mjs";
import { openSession } from "./session.mjs";
import "./scenarios.mjs";
import "./streams.mjs";

const [url, directory, name] = process.argv.slice(2);
const session = openSession(url, process.env.OPENAI_API_KEY, directory, name);
console.log(JSON.stringify({ version: session.version }));
for (const [scenario, run] of scenarios) {
  const faults = [];
  try {
    await run(session);
  } catch (error) {
    faults.push(error.stack ?? String(error));
  }
  console.log(JSON.stringify({ scenario, faults }));
}
