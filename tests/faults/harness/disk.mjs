// A small disk of its own, which can be filled and made read-only. It takes root to mount it; run.sh unmounts it.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './server.mjs';

const CHUNKS = [1024 * 1024, 4096];

export class Disk {
  path = join(scratch, 'disk');
  #filler = join(this.path, 'filler');

  constructor(size) {
    mkdirSync(this.path);
    this.#mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.path);
  }

  // Leaves not a byte free.
  fill() {
    const file = openSync(this.#filler, 'a');
    try {
      for (const size of CHUNKS) writeUntilFull(file, Buffer.alloc(size));
    } finally {
      closeSync(file);
    }
  }

  free() {
    rmSync(this.#filler);
  }

  // Refused while a file on it is open for writing.
  makeReadOnly() {
    this.#mount('-o', 'remount,ro', this.path);
  }

  makeWritable() {
    this.#mount('-o', 'remount,rw', this.path);
  }

  #mount(...options) {
    try {
      execFileSync('mount', options, { stdio: 'pipe' });
    } catch (refused) {
      throw new Error(`'mount ${options.join(' ')}' is refused, and this scenario needs a disk of its own, which takes root: ${refused.stderr}`);
    }
  }
}

function writeUntilFull(file, chunk) {
  try {
    for (;;) {
      if (writeSync(file, chunk) === 0) return;
    }
  } catch (full) {
    if (full.code !== 'ENOSPC') throw full;
  }
}
