/** The far side of `targets.ts`, in a process of its own: it answers, counts, and notes the gaps between what arrives. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What came between two questions: requests, and the gaps between their arrivals in milliseconds. */
export interface Arrivals {
  readonly count: number;
  readonly gapP99Ms: number;
  readonly gapMaxMs: number;
}

let gaps: number[] = [];
let last: number | undefined;

const server = createServer((_request, response) => {
  const now = performance.now();
  if (last !== undefined) gaps.push(now - last);
  last = now;
  response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
});

process.on('message', () => {
  const sorted = Float64Array.from(gaps).sort();
  gaps = [];
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const arrivals: Arrivals = { count: sorted.length, gapP99Ms: at(0.99), gapMaxMs: at(1) };
  process.send?.(arrivals);
});
process.once('disconnect', () => process.exit());

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
