// The order of events: exactly once and in order, whatever the network does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventOrder } from "../src/order.js";

const RUN = "run_1";
const CASES = 2_000;

const frame = (after, ...ids) => ({
  run_id: RUN,
  thread_id: "thread_1",
  after,
  events: ids.map((id) => ({ id, event: "thread.message.delta", data: { n: id } })),
});
const ids = (events) => events.map(({ id }) => id);

test("frames in order come out as they are", () => {
  const order = new EventOrder(RUN);
  assert.deepEqual(order.push(frame(null, "1-0"))[0], {
    id: "1-0",
    event: "thread.message.delta",
    data: { n: "1-0" },
    runId: RUN,
    threadId: "thread_1",
  });
  assert.deepEqual(ids(order.push(frame("1-0", "1-1", "2-0"))), ["1-1", "2-0"]);
  assert.equal(order.last, "2-0");
  assert.equal(order.gap, false);
});

test("ids sort as numbers and not as text", () => {
  const order = new EventOrder(RUN, "2-9");
  assert.deepEqual(ids(order.push(frame("2-9", "2-10", "10-0"))), ["2-10", "10-0"]);
});

test("a frame beyond a gap is kept until the gap is filled", () => {
  const order = new EventOrder(RUN);
  assert.deepEqual(order.push(frame("1-1", "1-2")), []);
  assert.equal(order.gap, true);
  assert.deepEqual(ids(order.push(frame(null, "1-0", "1-1"))), ["1-0", "1-1", "1-2"]);
  assert.equal(order.gap, false);
});

test("a repeated frame gives nothing and is counted", () => {
  const order = new EventOrder(RUN);
  order.push(frame(null, "1-0", "1-1"));
  assert.deepEqual(ids(order.push(frame(null, "1-0", "1-1", "1-2"))), ["1-2"]);
  assert.equal(order.duplicates, 2);
});

test("an event that is known to exist leaves a gap until it comes", () => {
  const order = new EventOrder(RUN, "1-0");
  order.expect("1-0");
  assert.equal(order.gap, false);
  order.expect("1-1");
  assert.equal(order.gap, true);
  order.push(frame("1-0", "1-1"));
  assert.equal(order.gap, false);
});

test("an overtaken writer's frame beyond a gap does not hold up its successor", () => {
  const order = new EventOrder(RUN, "3-1");
  order.push(frame("3-2", "3-3"));
  order.push(frame("3-2", "4-0"));
  assert.deepEqual(ids(order.push(frame("3-1", "3-2"))), ["3-2", "4-0"]);
  assert.equal(order.gap, false);
});

test("an event by reference keeps its place and its address", () => {
  const order = new EventOrder(RUN);
  const large = { id: "1-0", event: "thread.message.completed", data: null, href: "/v1/x" };
  const [event] = order.push({ ...frame(null), events: [large] });
  assert.deepEqual([event.href, event.data], ["/v1/x", {}]);
});

const malformed = {
  "no run": { ...frame(null, "1-0"), run_id: undefined },
  "another run": { ...frame(null, "1-0"), run_id: "run_2" },
  "no events": frame(null),
  "a wrong id": frame(null, "SECRET-7"),
  "a wrong after": frame("SECRET", "1-0"),
  "events out of order": frame(null, "1-1", "1-0"),
  "an event that the frame itself follows": frame("1-1", "1-1"),
  "no name": { ...frame(null), events: [{ id: "1-0", data: { secret: "SECRET" } }] },
  "no data": { ...frame(null), events: [{ id: "1-0", event: "done", data: "SECRET" }] },
};
for (const [what, broken] of Object.entries(malformed)) {
  test(`a frame with ${what} is refused without telling its content`, () => {
    const order = new EventOrder(RUN);
    assert.throws(
      () => order.push(broken),
      (error) => error.name === "ProtocolError" && !error.message.includes("SECRET"),
    );
    assert.deepEqual([order.last, order.gap], [null, false]);
  });
}

// --- Properties, over drawn logs and networks.

/** Numbers that a seed determines (mulberry32). */
function drawing(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (limit) => Math.floor(next() * limit), chance: (share) => next() < share };
}

/** A log with several writers, of which some were overtaken: what counts, and what is void. */
function drawLog(random) {
  const counted = [];
  const voided = [];
  for (let epoch = 1; epoch <= 1 + random.below(4); epoch += 1) {
    const length = 1 + random.below(6);
    for (let seq = 0; seq < length; seq += 1) counted.push(`${epoch}-${seq}`);
    if (random.chance(0.4)) voided.push(frame(counted.at(-1), `${epoch}-${length}`));
  }
  return { counted, voided };
}

/** The log's events behind an id, cut into frames at random. */
function cut(random, counted, after) {
  const frames = [];
  for (let at = counted.indexOf(after) + 1; at < counted.length; ) {
    const size = 1 + random.below(4);
    frames.push(frame(counted[at - 1] ?? null, ...counted.slice(at, at + size)));
    at += size;
  }
  return frames;
}

function shuffled(random, items) {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [mixed[at], mixed[other]] = [mixed[other], mixed[at]];
  }
  return mixed;
}

test("whatever is lost, doubled, mixed up or void: each event comes out once, in order", () => {
  for (let seed = 0; seed < CASES; seed += 1) {
    const random = drawing(seed);
    const { counted, voided } = drawLog(random);
    const start = random.chance(0.3) ? counted[random.below(counted.length)] : null;
    const expected = counted.slice(counted.indexOf(start) + 1);
    const order = new EventOrder(RUN, start);
    const came = [];
    // A broken network; after it, the client asks again until nothing is missing. An overtaken
    // writer's frames come late: whoever has seen the successor must drop them.
    const sent = [...cut(random, counted, start), ...cut(random, counted, start)];
    const arrived = shuffled(random, sent).filter(() => random.chance(0.6));
    for (const each of arrived) came.push(...order.push(each));
    order.expect(counted.at(-1));
    while (order.gap) {
      const answer = cut(random, counted, order.last).filter((_, at) => at === 0 || random.chance(0.7));
      for (const each of answer) came.push(...order.push(each));
    }
    for (const each of voided.slice(0, -1)) {
      if (each.events[0].id < counted.at(-1)) came.push(...order.push(each));
    }
    assert.deepEqual(ids(came), expected, `seed ${seed}`);
    assert.equal(order.last, counted.at(-1), `seed ${seed}`);
  }
});

test("void events that come before their successor's hold up nothing that counts", () => {
  for (let seed = 0; seed < CASES; seed += 1) {
    const random = drawing(seed);
    const { counted, voided } = drawLog(random);
    const order = new EventOrder(RUN);
    const came = [];
    for (const each of shuffled(random, [...cut(random, counted, null), ...voided])) {
      came.push(...order.push(each));
    }
    while (order.last !== counted.at(-1) && order.gap) {
      for (const each of cut(random, counted, order.last)) came.push(...order.push(each));
    }
    const real = new Set(counted);
    assert.deepEqual(ids(came).filter((id) => real.has(id)), counted, `seed ${seed}`);
  }
});
