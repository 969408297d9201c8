// A network for the nodes of a cluster: each node has a network namespace of its own, and the namespace of the scenario routes between
// them, so any path can be cut in one direction. All addresses are loopback addresses (127.77.x.y), because a server without credentials
// listens on nothing else. Linux routes these where `route_localnet` is set. Requires root, and that run.sh has started the scenario in a
// private network namespace: everything disappears with it.
import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { until } from '../waiting.mjs';

const PATIENCE_MS = 10_000;
const NETWORK = '127.77.0.0/16';
// Before all of the kernel's own rules, once that of local addresses has moved behind this one.
const CUT_PRIORITY = 10;
const LOCAL_PRIORITY = 100;

const run = (program, ...words) => execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const ip = (words) => run('ip', ...words.split(' '));
const setKernel = (name, value = 1) => run('sysctl', '-q', '-w', `net.ipv4.${name}=${value}`);

export class Network {
  #holders = new Map(); // the processes that keep the namespaces, by index
  #cuts = new Set();

  // The address of PostgreSQL.
  static store = '127.77.0.1';

  // The address of the proxy and of all clients, whose paths to nodes are not cut with those of PostgreSQL.
  static clients = '127.77.0.2';

  static addressOf(index) {
    return `127.77.${index}.2`;
  }

  constructor() {
    ip('link set lo up');
    setKernel('ip_forward');
    setKernel('conf.all.route_localnet');
    for (const address of [Network.store, Network.clients]) ip(`addr add ${address}/32 dev lo scope global`);
    ip(`rule add priority ${LOCAL_PRIORITY} from all lookup local`);
    ip('rule del priority 0');
    process.on('exit', () => this.#holders.forEach((holder) => holder.kill('SIGKILL')));
  }

  // Adds the namespace of a node. Returns the command that starts a program in it.
  async add(index) {
    // It ends with this process, because its input ends then.
    const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#holders.set(index, holder);
    const namespace = `/proc/${holder.pid}/ns/net`;
    const own = readlinkSync('/proc/self/ns/net');
    await until('the namespace exists', () => isOther(namespace, own), PATIENCE_MS);
    const inside = ['nsenter', `--net=${namespace}`];
    const [here, there] = [`127.77.${index}.1`, Network.addressOf(index)];
    ip(`link add node${index} type veth peer name uplink netns ${holder.pid}`);
    ip(`addr add ${here}/32 dev node${index} scope global`);
    ip(`link set node${index} up`);
    setKernel(`conf.node${index}.route_localnet`);
    setKernel(`conf.node${index}.rp_filter`, 0);
    const commands = [
      'ip link set lo up',
      'sysctl -q -w net.ipv4.conf.all.route_localnet=1',
      'sysctl -q -w net.ipv4.conf.uplink.route_localnet=1',
      'sysctl -q -w net.ipv4.conf.uplink.rp_filter=0',
      `ip addr add ${there}/32 dev uplink scope global`,
      'ip link set uplink up',
      `ip route add ${here}/32 dev uplink src ${there} table local`,
      `ip route add ${NETWORK} via ${here} dev uplink src ${there} onlink table local`,
    ];
    for (const command of commands) run(...inside, ...command.split(' '));
    ip(`route add ${there}/32 dev node${index} src ${Network.clients} table local`);
    return inside;
  }

  // Drops all packets from one address to another; they are lost in silence.
  cut(from, to) {
    if (this.#cuts.has(`${from} ${to}`)) return;
    this.#cuts.add(`${from} ${to}`);
    ip(`rule add priority ${CUT_PRIORITY} from ${from} to ${to} blackhole`);
  }

  cutBoth(one, other) {
    this.cut(one, other);
    this.cut(other, one);
  }

  healAll() {
    for (const cut of this.#cuts) {
      const [from, to] = cut.split(' ');
      ip(`rule del priority ${CUT_PRIORITY} from ${from} to ${to} blackhole`);
    }
    this.#cuts.clear();
  }
}

function isOther(namespace, own) {
  try {
    return readlinkSync(namespace) !== own;
  } catch {
    return false;
  }
}
