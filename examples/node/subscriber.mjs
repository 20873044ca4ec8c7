// Print the actions that a pipeline detects: `npm install && node subscriber.mjs [tcp://HOST:PORT]`.
import { randomUUID } from "node:crypto";
import { decode } from "@msgpack/msgpack";
import { Subscriber } from "zeromq";

const url = process.argv[2] ?? "tcp://127.0.0.1:5556";
const socket = new Subscriber();
socket.connect(url);
// The dot ends the word: without it "action" would match "actions" too.
socket.subscribe("action.");
// Under a topic of its own: the running actions and the sources' states.
socket.subscribe(`snapshot.${randomUUID()}`);

const seen = new Map(); // topic -> { session, seq } of its last message
for await (const [topicBytes, payload] of socket) {
  // Times are 64-bit nanoseconds, more than a Number holds exactly once a machine has been up for 104 days.
  const event = decode(payload, { useBigInt64: true });
  if (event.type !== "action") continue;
  const topic = `action.${event.source_id}.${event.track_id}`;
  const seq = Number(event.seq);
  const live = topicBytes.toString() === topic;
  const last = live ? seen.get(topic) : undefined;
  if (last?.session === event.session_id && seq > last.seq + 1) {
    console.warn(`lost ${seq - last.seq - 1} of ${topic}: expected seq ${last.seq + 1}, got ${seq}`);
  }
  if (live) seen.delete(topic); // so that it moves to the end, and the oldest topic is first
  if (live) seen.set(topic, { session: event.session_id, seq });
  if (seen.size > 4096) seen.delete(seen.keys().next().value); // tracks come and go and never come back
  const onset_s = (Number(event.onset_time_ns) / 1e9).toFixed(3);
  console.log(`${event.state} ${event.label} ${event.score.toFixed(2)} track ${event.track_id} since ${onset_s} s`);
}
