// Ways to damage a database's files. A seeded random number generator chooses each, so that a story can be repeated.
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';

const PAGE = 4096;
const DATABASE_HEADER = 100;
const PAGE_HEADER = 12;
const LOG_HEADER = 32;
const FRAME = PAGE + 24;

// `does(path, random)` damages the files of the database and returns where. `of`: a stopped database is one file; a killed one has half of
// its changes in the log. `isSeen`: SQLite always detects the damage, so the server must refuse to start or serve a prefix. A byte within a
// page has no checksum, and may belong to a name or a revision: the server may not detect it, but must neither crash nor hang, and must
// answer.
export const damages = [
  {
    of: 'killed', what: 'a byte of the log', isSeen: true,
    does: (path, random) => flip(logOf(path), LOG_HEADER + random(sizeOf(logOf(path)) - LOG_HEADER)),
  },
  {
    of: 'stopped', what: 'the head of a page', isSeen: false,
    does: (path, random) => flip(path, PAGE * (1 + random(sizeOf(path) / PAGE - 1)) + random(PAGE_HEADER)),
  },
  { of: 'killed', what: 'the log cut', isSeen: true, does: (path, random) => cut(logOf(path), random(sizeOf(logOf(path)))) },
  { of: 'stopped', what: 'the header of the database', isSeen: false, does: (path, random) => flip(path, random(DATABASE_HEADER)) },
  { of: 'killed', what: 'the header of the log', isSeen: true, does: (path, random) => flip(logOf(path), random(LOG_HEADER)) },
  { of: 'stopped', what: 'a byte of the database', isSeen: false, does: (path, random) => flip(path, random(sizeOf(path))) },
  {
    of: 'killed', what: 'the log cut between frames', isSeen: true,
    does: (path, random) => cut(logOf(path), LOG_HEADER + FRAME * random((sizeOf(logOf(path)) - LOG_HEADER) / FRAME)),
  },
  { of: 'stopped', what: 'the database cut', isSeen: true, does: (path, random) => cut(path, 1 + random(sizeOf(path) - 1)) },
  { of: 'killed', what: 'the log removed', isSeen: true, does: (path) => remove(logOf(path)) },
  { of: 'killed', what: 'a byte of the database beside a log', isSeen: false, does: (path, random) => flip(path, random(sizeOf(path))) },
  { of: 'killed', what: 'the database cut beside a log', isSeen: true, does: (path, random) => cut(path, random(sizeOf(path))) },
  { of: 'killed', what: 'the database emptied beside a log', isSeen: true, does: (path) => cut(path, 0) },
];

// Numbers below a limit: mulberry32.
export function randomFrom(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  };
}

const sizeOf = (path) => statSync(path).size;

const logOf = (path) => `${path}-wal`;

function flip(path, at) {
  const byte = Buffer.alloc(1);
  const file = openSync(path, 'r+');
  readSync(file, byte, 0, 1, at);
  byte[0] ^= 0x5a;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
  return `, byte ${at}`;
}

function cut(path, size) {
  const file = openSync(path, 'r+');
  ftruncateSync(file, size);
  closeSync(file);
  return ` to ${size} bytes`;
}

function remove(path) {
  rmSync(path);
  return '';
}
