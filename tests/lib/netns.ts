/** A small network of its own: us, our gateway and a far side, in three network namespaces. It knows nothing of what runs in them. */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { programPath } from './needs.ts';

export type Place = 'us' | 'gateway' | 'far';

const GATEWAY = '10.77.1.1';
export const FAR = '10.77.2.2';
/** Further addresses of the far side, from its tenth on. */
export const farHost = (index: number): string => `10.77.2.${10 + index}`;

export interface Netns {
  /** What the kernel calls a namespace. */
  name(place: Place): string;
  /** Runs `ip …` in a namespace and waits. */
  ip(place: Place, words: string): void;
  /** Starts a program in a namespace; it is the child itself, so that signals reach it. */
  spawn(place: Place, program: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** What a program in a namespace prints. */
  read(place: Place, program: string, args: readonly string[]): string;
  /** Whatever was cut, all ways are there again. */
  heal(): void;
  close(): void;
}

const ip = (...args: readonly string[]): void => {
  execFileSync(programPath('ip') ?? 'ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

let opened = 0;

/** Needs the rights of root. Our name server is asked at the gateway's address. `hosts`: further addresses of the far side. */
export function openNetns(hosts = 0): Netns {
  opened += 1;
  const net = `ringback-${process.pid}-${opened}`;
  const name = (place: Place): string => `${net}-${place}`;
  const etc = `/etc/netns/${name('us')}`;
  const inside = (place: Place, words: string): void => {
    ip('-n', name(place), ...words.split(' '));
  };
  const close = (): void => {
    for (const place of ['us', 'gateway', 'far'] as const) {
      try {
        ip('netns', 'del', name(place));
      } catch {
        // It was not made, or is gone.
      }
    }
    rmSync(etc, { recursive: true, force: true });
  };
  const heal = (): void => {
    inside('gateway', `address replace ${GATEWAY}/24 dev up1`);
    inside('us', 'link set up dev up0');
    inside('us', `route replace default via ${GATEWAY}`);
    inside('gateway', 'route replace 10.77.2.0/24 dev down0 src 10.77.2.1');
  };
  try {
    // `ip netns exec` lays this file over /etc/resolv.conf.
    mkdirSync(etc, { recursive: true });
    writeFileSync(`${etc}/resolv.conf`, `nameserver ${GATEWAY}\noptions timeout:1 attempts:1\n`);
    for (const place of ['us', 'gateway', 'far'] as const) {
      ip('netns', 'add', name(place));
      inside(place, 'link set up dev lo');
    }
    inside('gateway', `link add up1 type veth peer name up0 netns ${name('us')}`);
    inside('gateway', `link add down0 type veth peer name down1 netns ${name('far')}`);
    for (const [place, link, address] of [
      ['us', 'up0', '10.77.1.2'],
      ['gateway', 'up1', GATEWAY],
      ['gateway', 'down0', '10.77.2.1'],
      ['far', 'down1', FAR],
    ] as const) {
      inside(place, `address add ${address}/24 dev ${link}`);
      inside(place, `link set up dev ${link}`);
    }
    for (let index = 0; index < hosts; index += 1) inside('far', `address add ${farHost(index)}/24 dev down1`);
    heal();
    inside('far', 'route add default via 10.77.2.1');
    ip('netns', 'exec', name('gateway'), 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  } catch (error) {
    close();
    throw error;
  }
  const words = (place: Place, program: string, args: readonly string[]): string[] => [
    'netns',
    'exec',
    name(place),
    program,
    ...args,
  ];
  return {
    name,
    ip: inside,
    spawn: (place, program, args, options = {}) =>
      spawn(programPath('ip') ?? 'ip', words(place, program, args), options),
    read: (place, program, args) =>
      execFileSync(programPath('ip') ?? 'ip', words(place, program, args), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    heal,
    close,
  };
}
