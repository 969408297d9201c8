// A small separate disk, which can be filled and made read-only. Mounting it requires root; run.sh unmounts it.
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

  // Fills the disk to the last byte.
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

  // The kernel rejects this while a file on the disk is open for writing.
  makeReadOnly() {
    this.#mount('-o', 'remount,ro', this.path);
  }

  makeWritable() {
    this.#mount('-o', 'remount,rw', this.path);
  }

  #mount(...options) {
    try {
      execFileSync('mount', options, { stdio: 'pipe' });
    } catch (rejected) {
      throw new Error(`'mount ${options.join(' ')}' failed. This scenario mounts a disk, so run it as root: ${rejected.stderr}`);
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
