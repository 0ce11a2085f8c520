/** Part of main: the demo wallet's desks, and the monitor on them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { present } from '../core/present.ts';
import { openDemo, PORTS, type Demo, type DeskPort, type Ports } from '../demo/demo.ts';
import { serve, type Address, type ServeOptions, type Service } from '../main.ts';

export interface DemoOptions extends Pick<ServeOptions, 'listen' | 'operator' | 'store' | 'logLevel'> {
  /** Ports of the desks; default those that `config/demo.yaml` names. */
  readonly ports?: Ports;
}

const DEMO_STORE = 'data/demo/ringback.db';

/** Opens the demo wallet's support desk on loopback, and the monitor on it. */
export async function demo({ ports, ...options }: DemoOptions): Promise<Service & { readonly desks: Demo }> {
  const store = options.store ?? DEMO_STORE;
  const desks = await openDemo({ now: Date.now(), ...present({ ports }) });
  try {
    const config = await furnish(dirname(store), desks, options.listen);
    const service = await serve({ logLevel: 'warn', ...options, config, store, panels: [desks.panel] });
    return {
      ...service,
      desks,
      hint: `break and mend the demo wallet at ${new URL(desks.panel.path, service.operatorUrl).href}`,
      stop: async () => {
        await service.stop();
        await desks.close();
      },
    };
  } catch (error) {
    await desks.close();
    throw error;
  }
}

/** Writes the desks' authority, the mailbox's password and a configuration with the ports in use; the path of the last. */
export async function furnish(
  folder: string,
  desks: Pick<Demo, 'ca' | 'password' | 'ports'>,
  listen: Address | undefined,
): Promise<string> {
  const [ca, config] = [join(folder, 'ca.pem'), join(folder, 'demo.yaml')];
  // A reference to a secret is an absolute path.
  const password = resolve(folder, 'mailbox.password');
  const template = await readFile(new URL('../../config/demo.yaml', import.meta.url), 'utf8');
  await mkdir(folder, { recursive: true });
  await writeFile(ca, desks.ca);
  await writeFile(password, desks.password, { mode: 0o600 });
  await writeFile(config, addressed(fill(completed(template, password), desks.ports, ca), listen));
  return config;
}

/** What refers to the password stands in the template behind `#:`, for there is no such file before the demo's first start. */
function completed(template: string, password: string): string {
  return template.replaceAll(/^( *)#: /gm, '$1').replaceAll('/data/demo/mailbox.password', () => password);
}

/** The demo's configuration names its usual ports; where one was taken, the one in use stands in its place. */
function fill(template: string, ports: Ports, ca: string): string {
  const usual = Object.entries(PORTS) as [DeskPort, number][];
  // All at once: a port in use may be another desk's usual one.
  const byUsual = new Map(usual.map(([desk, port]) => [String(port), String(ports[desk])]));
  return template
    .replaceAll(/(?<=: ?)47\d{3}\b/g, (port) => byUsual.get(port) ?? port)
    .replaceAll('data/demo/ca.pem', ca);
}

/** Links in messages begin with the page's own address; where that is not known before the start, messages have no links. */
function addressed(config: string, listen: Address | undefined): string {
  if (listen === undefined) return config;
  const line = listen.port === 0 ? '' : `public_url: http://${listen.host}:${listen.port}/\n`;
  return config.replace(/^public_url: .*\n/m, line);
}
