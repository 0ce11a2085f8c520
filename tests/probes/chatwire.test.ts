/** Far sides that break WebSocket on the wire: each is a typed failure within the deadline, and none costs memory. */
import { afterEach, describe, expect, test } from 'vitest';
import { accept, ASK, frame, look, openWire, short } from '../lib/chat.ts';
import type { Far } from '../lib/chat.ts';
import { pour, STORIES } from '../lib/chatstories.ts';

const open: Far[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((far) => far.close()));
});

describe('S-G1, MC-27, MC-28, MC-29, WebSocket: a far side that breaks the protocol', () => {
  test.each(STORIES)('%s is %s', async (_name, expected, speak) => {
    const far = await openWire(speak);
    open.push(far);
    const began = performance.now();
    const finding = await look({ url: far.url, steps: ASK }, 3_000);
    expect(short(finding)).toBe(expected);
    expect(performance.now() - began).toBeLessThan(3_500);
  });

  test('pings without end do not stop the look from ending', async () => {
    const far = await openWire((s, k) => {
      s.write(accept(k));
      pour(s, Buffer.concat(Array.from({ length: 2_000 }, () => frame(0x89, Buffer.from('p')))));
    });
    open.push(far);
    const finding = await look({ url: far.url, steps: ASK }, 3_000);
    expect(finding.kind).toBe('failed');
  });

  test('a chat that ends is told with its code, and the codes do not leave the look waiting', async () => {
    const far = await openWire((s, k) =>
      s.write(
        Buffer.concat([
          Buffer.from(accept(k)),
          frame(0x88, Buffer.concat([Buffer.from([0x0f, 0xa3]), Buffer.from('go away\r\nX: y')])),
        ]),
      ),
    );
    open.push(far);
    const finding = await look({ url: far.url, steps: ASK }, 3_000);
    expect(finding.facts['close_code']).toBe(4003);
    expect(finding.kind === 'failed' && finding.fault.message).not.toMatch(/[\r\n]/);
  });

  test('a look that is called off ends at once and leaves no socket', async () => {
    const closed: boolean[] = [];
    const far = await openWire((s, k) => {
      s.on('close', () => closed.push(true));
      s.write(accept(k));
    });
    open.push(far);
    const began = performance.now();
    const finding = await look({ url: far.url, steps: [{ expect: {}, within: '60s' }] }, 400);
    expect(finding.kind).toBe('failed');
    expect(performance.now() - began).toBeLessThan(1_500);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(closed).toEqual([true]);
  });
});
