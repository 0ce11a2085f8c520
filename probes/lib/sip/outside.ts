/** How the far side sees us: our address beyond a NAT, learnt from its answer to an OPTIONS (RFC 3581 §4). It makes no call. */
import { isIP } from 'node:net';
import type { Fault } from '../../../src/core/fault.ts';
import { ask, openEar } from './exchange.ts';
import { listOf, parameterOf } from './header.ts';
import type { SipResponse } from './message.ts';
import type { Place } from './udp.ts';
import type { SipUri } from './uri.ts';
import type { Wire } from './wire.ts';

const T1_MS = 500;

/** Undefined: nobody tells within that time, or tells nothing of the kind. Never throws; the wire's ears are ours until then. */
export function learnOutside(
  wire: Wire,
  uri: SipUri,
  runId: string,
  withinMs: number,
): Promise<Place | Fault | undefined> {
  const { promise, resolve } = Promise.withResolvers<Place | Fault | undefined>();
  const question = ask({ method: 'OPTIONS', uri, runId });
  const ear = openEar(question);
  const request = question.compose(wire.transport, wire.here.address, wire.here.port);
  wire.listen(
    {
      hear: (message) => {
        const response = ear.hear({ ok: true, message });
        if (response !== undefined) resolve(placeIn(response, wire.here));
      },
      garbled: () => undefined,
      fail: resolve,
    },
    question.callId,
  );
  let timer: NodeJS.Timeout | undefined;
  const transmit = (waitMs: number): void => {
    wire.send(request);
    if (wire.transport === 'udp') timer = setTimeout(() => transmit(waitMs * 2), waitMs);
  };
  const last = setTimeout(() => resolve(undefined), withinMs);
  transmit(T1_MS);
  return promise.finally(() => {
    clearTimeout(timer);
    clearTimeout(last);
  });
}

/** §18.2.1: `received` stands there when it differs from what we said, `rport` because we asked for it. */
function placeIn(response: SipResponse, here: Place): Place | undefined {
  const [via = ''] = listOf(response, 'via');
  const received = (parameterOf(via, 'received') ?? '').replace(/^\[|\]$/g, '');
  const port = Number(parameterOf(via, 'rport') ?? '');
  const address = isIP(received) === isIP(here.address) ? received : here.address;
  return { address, port: Number.isInteger(port) && port > 0 && port <= 65_535 ? port : here.port };
}
