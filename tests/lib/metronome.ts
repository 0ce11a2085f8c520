/** A thread that sends sound every 20 ms, whatever the thread that started it is busy with; it hears nothing. */
import { createSocket } from 'node:dgram';
import { workerData } from 'node:worker_threads';
import { encode } from '../../probes/lib/media/g711.ts';
import { formatPacket } from '../../probes/lib/media/rtp.ts';
import { voice } from './sounds.ts';

const port = Number(workerData);
const sound = Buffer.from(encode('PCMU', voice()));
const socket = createSocket('udp4');
const began = performance.now();
let sent = 0;
setInterval(() => {
  for (; sent < (performance.now() - began) / 20; sent += 1) {
    const at = (sent * 160) % (sound.length - 160);
    const about = { marker: sent === 0, payloadType: 0, sequence: sent & 0xffff, timestamp: sent * 160, source: 39 };
    socket.send(formatPacket({ ...about, payload: sound.subarray(at, at + 160) }), port, '127.0.0.1');
  }
}, 20);
