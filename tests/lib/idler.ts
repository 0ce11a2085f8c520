/** A process that writes a page to the disk now and then, and says at the end how long its loop stood still. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { watchLoop } from './loop.ts';

const path = process.argv[2] ?? '';
const file = openSync(path, 'w');
const page = Buffer.alloc(4_096, 1);
const writing = setInterval(() => {
  // As a log that is written over and over.
  writeSync(file, page, 0, page.length, 0);
  fsyncSync(file);
}, 10);
const loop = watchLoop();
console.log('ready');
process.stdin.on('end', () => {
  clearInterval(writing);
  closeSync(file);
  rmSync(path);
  console.log(loop.end().stallMs);
});
process.stdin.resume();
