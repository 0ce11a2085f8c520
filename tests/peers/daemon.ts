/** Starts real servers for a test and ends them by their process id. It knows no protocol. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programPath } from '../lib/needs.ts';

const HOST = '127.0.0.1';
const START_MS = 20_000;
const STOP_MS = 5_000;

export interface Daemon {
  readonly pid: number;
  /** What it has written so far. */
  log(): string;
  /** Asks it to end, insists after five seconds, resolves when it is gone. */
  stop(): Promise<void>;
}

export interface Start {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** The daemon is there when this is true. */
  readonly ready: () => Promise<boolean>;
}

/**
 * Starts a daemon in the foreground, as leader of a group of its own that its children are in. All three streams lead away
 * from ours, or a pipeline around the tests would never end.
 */
export async function start({ program, args, folder, ready }: Start): Promise<Daemon> {
  const logPath = join(folder, `${program.split('/').at(-1) ?? 'daemon'}.log`);
  const out = openSync(logPath, 'a');
  const child = spawn(programPath(program) ?? program, args, {
    cwd: folder,
    stdio: ['ignore', out, out],
    detached: true,
  });
  closeSync(out);
  const log = (): string => readFileSync(logPath, 'utf8');
  await once(child, 'spawn');
  const deadline = performance.now() + START_MS;
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}:\n${log()}`);
    if (performance.now() > deadline) {
      await stop(child);
      throw new Error(`${program} is not ready after ${START_MS} ms:\n${log()}`);
    }
    await sleep(50);
  }
  return { pid: child.pid ?? 0, log, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(insist);
  }
  // Children that outlived it; the group is ours, because we made it.
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // None did.
  }
}

/** Ends several, last started first: who needs another one goes before it. */
export async function stopAll(daemons: readonly Daemon[]): Promise<void> {
  for (const daemon of daemons.toReversed()) await daemon.stop();
}

/** A folder of its own for the state of daemons. Those that give up root must be able to enter it. */
export async function stateFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `ringback-${name}-`));
  await chmod(folder, 0o755);
  return folder;
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

/** True when something accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

const handedOut = new Set<number>();

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const socket = createSocket('udp4');
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
    socket.bind(port, HOST);
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
    socket.close();
  }
}

/**
 * The first of `count` neighbouring ports free for TCP and UDP. Picked by chance below the range that the kernel gives to
 * connections, for a daemon binds it a moment later and cannot be told to take port 0.
 */
export async function freePort(count = 1): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.some((port) => handedOut.has(port))) continue;
    const free = await Promise.all(ports.map(isFree));
    if (free.includes(false)) continue;
    for (const port of ports) handedOut.add(port);
    return first;
  }
}
