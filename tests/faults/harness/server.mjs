// Runs the server as a child process on its own database: starts it, stops it, and kills it like a power cut. run.sh sets the program, the
// port and the scratch folder by environment variables. FAULTS_STORE=postgres gives the server a PostgreSQL database instead of a file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { connect } from '../../clients/node/presence.mjs';
import { Postgres } from './postgres.mjs';
import { until } from './waiting.mjs';

const START_PATIENCE_MS = 30_000;

// The stories do in seconds what tenants do in hours, and do not test quotas. Quotas are still checked, but cannot be reached. No caller
// has a key, so only the quotas of service instances apply.
const OUT_OF_REACH = 2 ** 31 - 1;
export const quotas = ['OpenStreams', 'WatchedUsers', 'HeartbeatsPerSecond', 'WritesPerSecond', 'NewStreamsPerSecond',
  'RowsReadPerSecond', 'ConcurrentReads', 'Users']
  .map((quota) => `--Presence:Quotas:ServiceInstance:${quota}=${OUT_OF_REACH}`);

export const scratch = process.env.FAULTS_SCRATCH;
export const program = process.env.FAULTS_PROGRAM;

// The PostgreSQL server of the scenario; undefined where the server uses a file.
export const postgres = process.env.FAULTS_STORE === 'postgres' ? await Postgres.create(scratch) : undefined;

// A story that ends early must not leave a server behind.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  #child;
  #logBefore = 0; // the length of the output before this start

  // `database`: the file, where one is used. `on`: the PostgreSQL server; null for the file. `env`: additional environment variables.
  // `settings`: further arguments. `output`: where its output goes, as the option stdio of spawn; by default to the log file. `command`:
  // what starts the program, before its name; by default nothing.
  constructor({ database = join(scratch, 'presence.db'), on = postgres, env = {}, settings = [], output, command = [] } = {}) {
    this.port = Number(process.env.FAULTS_PORT);
    this.address = `127.0.0.1:${this.port}`;
    this.database = on?.folder ?? database;
    this.store = on
      ? ['--postgres', on.connection, '--secret-file', `${database}.secret`, '--admin-socket', `${database}.sock`]
      : ['--database', database];
    this.logFile = join(scratch, 'server.log');
    this.arguments = [program, '--port', `${this.port}`, '--rest-port', 'off', ...this.store, ...quotas, ...settings];
    this.env = { ...process.env, ...env };
    this.output = output;
    this.command = command;
  }

  get pid() {
    return this.#child.pid;
  }

  // The output of all starts.
  get log() {
    return readFileSync(this.logFile, 'utf8');
  }

  // The output since the last start.
  get said() {
    return this.log.slice(this.#logBefore);
  }

  // Starts the process without waiting.
  spawn() {
    this.#logBefore = existsSync(this.logFile) ? this.log.length : 0;
    const log = openSync(this.logFile, 'a');
    const [command, ...before] = [...this.command, 'dotnet'];
    this.#child = spawn(command, [...before, ...this.arguments], { stdio: ['ignore', ...(this.output ?? [log, log])], env: this.env });
    closeSync(log);
    running.add(this.#child);
    this.#child.on('exit', () => running.delete(this.#child));
    this.ended = once(this.#child, 'exit').then(([code, signal]) => code ?? signal);
    return this;
  }

  // Starts the process, and returns a client when it serves.
  async start() {
    this.spawn();
    if (!await this.listens()) throw new Error(`the server ended with ${await this.ended} in place of serving: ${this.said}`);
    return await this.connect();
  }

  // The process must have ended by itself, with this exit code and one message that names the database.
  async expectRejection(code) {
    const found = await this.ended;
    const said = this.said.trim();
    if (found !== code) throw new Error(`the exit code is ${found}: ${said}`);
    if (said.includes('\n') || !said.includes(this.database)) throw new Error(`the error message is not clear: ${said}`);
    return said;
  }

  // A client of the server, which must be listening.
  async connect() {
    const client = connect(this.address);
    await new Promise((resolve, reject) => {
      client.users.waitForReady(Date.now() + START_PATIENCE_MS, (error) => (error ? reject(error) : resolve()));
    });
    return client;
  }

  // Waits until the server listens. Returns false if it ends instead. A client that connects too early would wait a second before it
  // retries.
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

  // Stops the server gracefully, and returns its exit code.
  async stop() {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}

// Whether any process listens on a port of this address.
export async function isListening(port, host = '127.0.0.1') {
  const socket = net.connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
