// A node of the cluster under test: one server process. A process that ends by itself is started again, as a service manager does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isListening, program, quotas } from '../server.mjs';
import { until } from '../waiting.mjs';
import { connectPatiently } from './connection.mjs';
import { isServing } from './serving.mjs';

const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 30_000;
const RESTART_AFTER_MS = 1_000;

// The arguments of one server. All nodes share the database, the secret file and the cluster id.
function argumentsOf({
  index, host, port, nodePort, connection, folder, isClustered,
  secretFile = join(folder, 'presence.secret'), nodeAddress = `${host}:${nodePort}`, clusterId = 'faults',
}) {
  const single = [
    program, '--host', host, '--port', `${port}`, '--rest-port', 'off', '--postgres', connection,
    '--secret-file', secretFile, '--admin-socket', join(folder, `node-${index}.sock`), ...quotas,
  ];
  return isClustered ? [...single, '--node-address', nodeAddress, '--cluster-id', clusterId] : single;
}

export class Node {
  #child;
  #command;
  #isWanted = false;
  ends = []; // how the process ended by itself
  startsAgain = true;

  // `options`: those of argumentsOf. `launcher`: the command that starts a program at the place of the node. `env`: further environment
  // variables.
  constructor({ launcher = [], env = {}, ...options }) {
    this.index = options.index;
    this.host = options.host;
    this.port = options.port;
    this.address = `${options.host}:${options.port}`;
    this.nodeAddress = `${options.host}:${options.nodePort}`;
    this.logFile = join(options.folder, `node-${options.index}.log`);
    this.env = { ...process.env, ...env };
    this.#command = [...launcher, 'dotnet', ...argumentsOf(options)];
    this.client = connectPatiently(this.address);
    process.on('exit', () => this.#child?.kill('SIGKILL'));
  }

  get pid() {
    return this.#child.pid;
  }

  // Starts the process without waiting.
  spawn() {
    this.#isWanted = true;
    const log = openSync(this.logFile, 'a');
    const [command, ...words] = this.#command;
    const child = spawn(command, words, { stdio: ['ignore', log, log], env: this.env });
    closeSync(log);
    this.#child = child;
    this.ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
    this.ended.then(async (end) => {
      if (!this.#isWanted || child !== this.#child) return;
      this.ends.push(end);
      if (!this.startsAgain) return;
      await pause(RESTART_AFTER_MS);
      if (this.#isWanted && child === this.#child) this.spawn();
    });
  }

  // Starts the process, and returns when the node serves.
  async start() {
    this.spawn();
    await this.serves();
  }

  async serves() {
    const isUp = async () => await isListening(this.port, this.host) && await isServing(this.address);
    await until(`node ${this.index} serves`, isUp, START_PATIENCE_MS);
  }

  // What the process has written.
  get said() {
    return readFileSync(this.logFile, 'utf8').trim();
  }

  async kill() {
    await this.#end('SIGKILL');
  }

  // Stops the server gracefully, and returns its exit code.
  async stop() {
    return await this.#end('SIGTERM');
  }

  // Sends a signal, such as SIGSTOP.
  signal(name) {
    this.#child.kill(name);
  }

  async #end(signal) {
    this.#isWanted = false;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode ?? this.#child.signalCode;
    this.#child.kill(signal);
    const late = pause(STOP_PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`node ${this.index} did not end within ${STOP_PATIENCE_MS} ms of ${signal}`);
    });
    return await Promise.race([this.ended, late]);
  }
}
