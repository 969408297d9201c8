// Starts the server as a child process on a database, and kills it as a power cut does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from '../clients/node/presence.mjs';

const START_PATIENCE_MS = 30_000;

export class Server {
  #child;

  constructor(program, port, database) {
    this.address = `127.0.0.1:${port}`;
    this.command = ['dotnet', [program, '--port', `${port}`, '--database', database]];
    // A story that ends early leaves no server behind.
    process.on('exit', () => this.#child?.kill('SIGKILL'));
  }

  // Starts it, and returns a client when it serves.
  async start() {
    this.#child = spawn(...this.command, { stdio: 'ignore' });
    const client = connect(this.address);
    await new Promise((resolve, reject) => {
      client.users.waitForReady(Date.now() + START_PATIENCE_MS, (error) => (error ? reject(error) : resolve()));
    });
    return client;
  }

  async kill() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
