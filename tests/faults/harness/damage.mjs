// Ways to damage a database's files, each drawn by a seeded random number generator so that a story can be told again.
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';

const PAGE = 4096;
const DATABASE_HEADER = 100;
const PAGE_HEADER = 12;
const LOG_HEADER = 32;
const FRAME = PAGE + 24;

// `does(path, random)` damages the files of the database and says where. `of`: a database that was stopped is one file; one that was killed
// has half of its changes in the log. `isSeen`: SQLite's checksums or checks see it for sure, so whatever the server starts on must be a
// prefix. A byte in the midst of a page has no checksum, and may be one of a name or of a revision: nobody can promise that it is seen, only
// that the server neither crashes nor hangs, and answers.
export const damages = [
  { of: 'killed', what: 'a byte of the log', isSeen: true, does: (path, random) => flip(logOf(path), LOG_HEADER + random(sizeOf(logOf(path)) - LOG_HEADER)) },
  { of: 'stopped', what: 'the head of a page', isSeen: false, does: (path, random) => flip(path, PAGE * (1 + random(sizeOf(path) / PAGE - 1)) + random(PAGE_HEADER)) },
  { of: 'killed', what: 'the log cut', isSeen: true, does: (path, random) => cut(logOf(path), random(sizeOf(logOf(path)))) },
  { of: 'stopped', what: 'the header of the database', isSeen: false, does: (path, random) => flip(path, random(DATABASE_HEADER)) },
  { of: 'killed', what: 'the header of the log', isSeen: true, does: (path, random) => flip(logOf(path), random(LOG_HEADER)) },
  { of: 'stopped', what: 'a byte of the database', isSeen: false, does: (path, random) => flip(path, random(sizeOf(path))) },
  { of: 'killed', what: 'the log cut between frames', isSeen: true, does: (path, random) => cut(logOf(path), LOG_HEADER + FRAME * random((sizeOf(logOf(path)) - LOG_HEADER) / FRAME)) },
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
