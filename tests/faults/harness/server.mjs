// The server as a child process on a database of its own: started, asked to stop, and killed as a power cut does.
// run.sh says by the environment which program, which port, and where scratch files may go.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { connect } from '../../clients/node/presence.mjs';
import { until } from './waiting.mjs';

const START_PATIENCE_MS = 30_000;

// The stories do in seconds what tenants do in hours, and are not about quotas: those are checked as always, and out of reach. Nobody here has a
// key, so that the service instance's are all there are.
const OUT_OF_REACH = 2 ** 31 - 1;
const quotas = ['OpenStreams', 'WatchedUsers', 'HeartbeatsPerSecond', 'WritesPerSecond', 'NewStreamsPerSecond', 'Users']
  .map((quota) => `--Presence:Quotas:ServiceInstance:${quota}=${OUT_OF_REACH}`);

export const scratch = process.env.FAULTS_SCRATCH;
export const program = process.env.FAULTS_PROGRAM;

// A story that ends early leaves no server behind.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  #child;
  #logBefore = 0; // how much had been said before this start

  // `database`: the file. `env`: added to the environment. `settings`: further arguments.
  constructor({ database = join(scratch, 'presence.db'), env = {}, settings = [] } = {}) {
    this.port = Number(process.env.FAULTS_PORT);
    this.address = `127.0.0.1:${this.port}`;
    this.database = database;
    this.logFile = join(scratch, 'server.log');
    this.arguments = [program, '--port', `${this.port}`, '--rest-port', 'off', '--database', database, ...quotas, ...settings];
    this.env = { ...process.env, ...env };
  }

  get pid() {
    return this.#child.pid;
  }

  // What it said, all starts together.
  get log() {
    return readFileSync(this.logFile, 'utf8');
  }

  // What it said since the last start.
  get said() {
    return this.log.slice(this.#logBefore);
  }

  // Starts the process; nothing is waited for.
  spawn() {
    this.#logBefore = existsSync(this.logFile) ? this.log.length : 0;
    const log = openSync(this.logFile, 'a');
    this.#child = spawn('dotnet', this.arguments, { stdio: ['ignore', log, log], env: this.env });
    closeSync(log);
    running.add(this.#child);
    this.#child.on('exit', () => running.delete(this.#child));
    this.ended = once(this.#child, 'exit').then(([code]) => code);
    return this;
  }

  // Starts it, and returns a client when it serves.
  async start() {
    this.spawn();
    if (!await this.listens()) throw new Error(`the server ended with ${await this.ended} in place of serving: ${this.said}`);
    return await this.connect();
  }

  // It must have ended by itself, with this exit code and one message that names the database.
  async expectRefusal(code) {
    const found = await this.ended;
    const said = this.said.trim();
    if (found !== code) throw new Error(`the exit code is ${found}: ${said}`);
    if (said.includes('\n') || !said.includes(this.database)) throw new Error(`this is no clear refusal: ${said}`);
    return said;
  }

  // A client of the server, which listens.
  async connect() {
    const client = connect(this.address);
    await new Promise((resolve, reject) => {
      client.users.waitForReady(Date.now() + START_PATIENCE_MS, (error) => (error ? reject(error) : resolve()));
    });
    return client;
  }

  // Waits until it listens; false when it ends instead. A client that tried before would wait a second until it tries again.
  async listens() {
    let hasEnded = false;
    this.ended.then(() => { hasEnded = true; });
    await until('the server listens, or ends', async () => hasEnded || await isListening(this.port), START_PATIENCE_MS);
    return !hasEnded;
  }

  // Sends a signal, such as SIGSTOP.
  signal(name) {
    this.#child.kill(name);
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  // Asks it to stop, and returns its exit code.
  async stop() {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}

// Whether anybody listens on a port of this machine.
async function isListening(port) {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
