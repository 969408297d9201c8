// A cluster of server processes on one PostgreSQL behind nginx, as one scenario needs it. Every process ends with the scenario, by its id.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { Postgres } from '../postgres.mjs';
import { runProgram } from '../program.mjs';
import { scratch } from '../server.mjs';
import { Network } from './network.mjs';
import { Node } from './node.mjs';
import { Proxy } from './proxy.mjs';
import { Trouble } from './trouble.mjs';

const LINES_OF_A_LOG = 60;
const SECRET_BYTES = 64;
const LOCAL = '127.0.0.1';
// The same in every namespace.
const PORTS = { node: 5080, peers: 5090, proxy: 5070, postgres: 5432 };

// Whether the server can be a node of a cluster. Without that, a scenario runs with one node.
export const canCluster = (await runProgram(['--help'])).output.includes('--node-address');

export class Cluster {
  nodes = []; // by index; the first is 1
  trouble = new Trouble();
  #outsiders = 0;

  // Starts `count` nodes. `inNetwork`: each in its own network namespace, so that paths can be cut. `envOf`: returns further environment
  // variables for the node with an index.
  static async start(count, { inNetwork = false, envOf = () => ({}) } = {}) {
    if (count > 1 && !canCluster) throw new Error('This server cannot be a node of a cluster: it has no --node-address.');
    const cluster = new Cluster();
    cluster.envOf = envOf;
    cluster.network = inNetwork ? new Network() : undefined;
    await cluster.#startStore();
    writeSecret(join(scratch, 'presence.secret'));
    for (let index = 1; index <= count; index += 1) await cluster.#add(index);
    for (const node of cluster.running) node.spawn();
    await Promise.all(cluster.running.map((node) => node.serves()));
    cluster.proxy = new Proxy(scratch, inNetwork ? Network.clients : LOCAL, inNetwork ? PORTS.proxy : await freePort());
    await cluster.proxy.start(cluster.running.map((node) => node.address));
    return cluster;
  }

  get running() {
    return this.nodes.filter((node) => node !== undefined);
  }

  get indices() {
    return this.running.map((node) => node.index);
  }

  node(index) {
    return this.nodes[index];
  }

  // Starts a further node, and lets nginx use it when it serves.
  async grow() {
    const index = Math.max(...this.indices) + 1;
    await this.#add(index);
    await this.node(index).start();
    this.proxy.reload(this.running.map((node) => node.address));
    return index;
  }

  // Takes a node away for good: nginx uses it no more, and it stops. Returns its exit code.
  async shrink(index) {
    const node = this.node(index);
    delete this.nodes[index];
    this.proxy.reload(this.running.map((other) => other.address));
    return await node.stop();
  }

  // A process that nginx does not know, with further options of a node, which may be wrong.
  async outsider(options) {
    const index = 90 + (this.#outsiders += 1);
    const place = { host: LOCAL, port: await freePort(), nodePort: await freePort() };
    const shared = { connection: this.connection, folder: scratch, isClustered: canCluster };
    const node = new Node({ index, ...place, ...shared, ...options });
    node.startsAgain = false;
    return node;
  }

  // Lets the address of PostgreSQL lead to another server, such as a promoted standby.
  pointTo(postgres) {
    const socket = join(this.#door, `.s.PGSQL.${PORTS.postgres}`);
    rmSync(socket, { force: true });
    symlinkSync(join(postgres.folder, `.s.PGSQL.${PORTS.postgres}`), socket);
    this.postgres = postgres;
  }

  // The end of each log, for a scenario that failed.
  printLogs() {
    for (const node of this.running) {
      const lines = readFileSync(node.logFile, 'utf8').trim().split('\n');
      console.log(`# node ${node.index}:\n${lines.slice(-LINES_OF_A_LOG).join('\n')}`);
    }
  }

  get #door() {
    return join(scratch, 'store');
  }

  async #startStore() {
    if (this.network) {
      this.postgres = await Postgres.create(scratch, { address: Network.store });
      this.connection = `Host=${Network.store};Port=${PORTS.postgres};Database=presence;Username=presence`;
    } else {
      const postgres = await Postgres.create(scratch);
      mkdirSync(this.#door);
      this.pointTo(postgres);
      this.connection = `Host=${this.#door};Database=presence;Username=presence`;
    }
  }

  async #add(index) {
    const place = this.network
      ? { launcher: await this.network.add(index), host: Network.addressOf(index), port: PORTS.node, nodePort: PORTS.peers }
      : { host: LOCAL, port: await freePort(), nodePort: await freePort() };
    const shared = { connection: this.connection, folder: scratch, isClustered: canCluster, env: this.envOf(index) };
    this.nodes[index] = new Node({ index, ...place, ...shared });
  }
}

// Creates a secret file as docs/operations.md says: all nodes need the same one.
export const writeSecret = (file) => writeFileSync(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, LOCAL, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
