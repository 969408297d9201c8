// A separate process that holds SQLite's write lock on a database while its standard input is open.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { within } from './waiting.mjs';

const PATIENCE_MS = 10_000;
const PROGRAM = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
`;

export class LockHolder {
  #child;

  constructor(database) {
    this.database = database;
  }

  async hold() {
    this.#child = spawn('/usr/bin/python3', ['-c', PROGRAM, this.database], { stdio: ['pipe', 'pipe', 'inherit'] });
    process.on('exit', () => this.#child.kill('SIGKILL'));
    const ended = once(this.#child, 'exit').then(([code]) => { throw new Error(`the holder of the lock ended with ${code}`); });
    await within('the lock is held', Promise.race([once(this.#child.stdout, 'data'), ended]), PATIENCE_MS);
    ended.catch(() => {}); // the process ends when the lock is released
  }

  async release() {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await within('the lock is released', ended, PATIENCE_MS);
  }
}
