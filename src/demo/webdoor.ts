/** An HTTP desk's door on loopback: takes requests, answers late or never when told to, and can be shut. It knows no page. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Asked } from './counter.ts';
import { faultNamed, openDoor, takeTurns } from './door.ts';
import type { DoorOptions } from './door.ts';
import type { Answer } from './help.ts';

export interface WebDoor {
  readonly name: string;
  /** Origin, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly faults: readonly string[];
  /** Breaks it in one way, or mends it (`none`); rejects for a word that is not among `faults`. */
  set(fault: string): Promise<void>;
  close(): Promise<void>;
}

export interface Plan {
  readonly name: string;
  readonly faults: readonly string[];
  /** How late `slow` answers; absent: the desk itself knows what is slow about it. */
  readonly slowMs?: number;
}

/** What is answered while a fault is in force; never asked under `silence`, when the connection is taken and nothing is ever said. */
export type Speak = (fault: string, asked: Asked, origin: string) => Answer;

const BODY_CAP = 64 * 1024;

/** Opens the door. Rejects when its port is taken. */
export async function openWebDoor(plan: Plan, options: DoorOptions, speak: Speak): Promise<WebDoor> {
  const faults = plan.faults.filter(
    (each) => each !== 'expired' || (options.tls !== undefined && options.expired !== undefined),
  );
  const late = new Set<NodeJS.Timeout>();
  let fault = 'none';
  let origin = '';

  const take = (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      if (body.length < BODY_CAP) body += chunk;
    });
    if (fault === 'silence') return;
    request.once('end', () => {
      const answer = () => write(response, speak(fault, askedOf(request, body), origin));
      if (fault !== 'slow' || plan.slowMs === undefined) {
        answer();
        return;
      }
      const timer = setTimeout(() => {
        late.delete(timer);
        answer();
      }, plan.slowMs);
      late.add(timer);
    });
  };
  const door = await openDoor(options, take);
  origin = `${door.secure ? 'https' : 'http'}://${door.host}:${door.port}`;
  const quieten = () => {
    for (const timer of late) clearTimeout(timer);
    late.clear();
  };

  const change = async (wanted: string): Promise<void> => {
    fault = wanted;
    quieten();
    door.empty();
    if (wanted === 'down') {
      await door.shut();
      return;
    }
    await door.open();
    door.show(wanted === 'expired' ? 'expired' : 'valid');
  };
  const inTurn = takeTurns();
  return {
    name: plan.name,
    url: origin,
    port: door.port,
    faults,
    set: async (word) => {
      const wanted = faultNamed(faults, word, plan.name);
      await inTurn(() => change(wanted));
    },
    close: () =>
      inTurn(async () => {
        quieten();
        await door.shut();
      }),
  };
}

function askedOf({ method = 'GET', url = '/', headers }: IncomingMessage, body: string): Asked {
  const mark = url.indexOf('?');
  const [path, query] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark)];
  return { method, path, query: new URLSearchParams(query), headers, body, at: Date.now() };
}

function write(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
