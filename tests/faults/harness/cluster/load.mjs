// The clients of a cluster: sessions behind the proxy, watchers at each node and behind the proxy, and back ends that write at any node.
// A model of what they may conclude looks at everything that they receive.
import { newService } from '../stage.mjs';
import { until } from '../waiting.mjs';
import { connectPatiently } from './connection.mjs';
import { Model } from './model.mjs';
import { Caller, Gateway, Session } from './sessions.mjs';
import { Watcher } from './watcher.mjs';
import { Writer } from './writers.mjs';

const INTERVAL_SECONDS = 2;
const TIMEOUT_SECONDS = 10;
const DEBOUNCE_SECONDS = 5;
const SESSIONS_OF_A_GATEWAY = 100;
const CALLERS_OF_TEN = 1; // the others send their heartbeats over streams
const WRITERS = 4;
const WRITE_EVERY_MS = 100;
const CHECK_EVERY_MS = 250;
const RECOVERED_WITHIN_MS = 60_000;
const CONNECTIONS = 8;
const USERS_OF_A_WRITER = 20;

export class Load {
  #clients = [];
  #connections = []; // to the proxy
  #timer;
  #lag = 0;

  // Starts all clients, and returns when every session is online at every watcher.
  static async start(cluster, sessions) {
    const load = new Load();
    load.cluster = cluster;
    load.model = new Model(cluster.trouble, TIMEOUT_SECONDS * 1_000);
    load.serviceSid = await newService(cluster.node(1).client, {
      heartbeatInterval: { seconds: INTERVAL_SECONDS },
      sessionTimeout: { seconds: TIMEOUT_SECONDS },
      offlineDebounce: { seconds: DEBOUNCE_SECONDS },
    });
    load.#watch();
    load.#beat(sessions);
    load.#write();
    load.#checkAgainAndAgain();
    await load.recovered();
    load.model.figures.print(`${sessions} sessions are online`);
    return load;
  }

  // A fault happens now: what is measured from here belongs to it.
  faultBegins() {
    this.model.faultAt = performance.now();
  }

  // Waits until all clients are well again, and prints what the fault has cost as `what`. Throws if a promise was broken, or if more than
  // one of a hundred sessions whose heartbeats failed had to wait longer than `acceptedWithinMs` after the fault. `oneRetrySuffices`: also
  // if a session needed a second retry.
  async recovered(what, { acceptedWithinMs = Infinity, oneRetrySuffices = false } = {}) {
    const since = performance.now();
    const { sessions, watchers } = this.model;
    const isOnline = (session) => session.isStopped || (session.acceptedAt > since && watchers.every(
      (watcher) => watcher.users.get(session.identity)?.isOnline));
    const isWell = () => this.model.violations.length > 0 || (watchers.every((watcher) => watcher.isSynced)
      && [...sessions.values()].every(isOnline) && watchers.every(({ pending }) => [...pending.values()].every(({ at }) => at > since)));
    await until('all clients are well', isWell, RECOVERED_WITHIN_MS).catch((late) => this.fail(late.message));
    this.model.faultAt = undefined;
    const retriedAgain = this.model.figures.countOf('sessions that failed more than once in a row');
    const acceptedAfter = this.model.figures.at('fault → accepted again', 0.99);
    if (what) this.print(what);
    this.expectNoViolation();
    if (oneRetrySuffices && retriedAgain > 0) this.fail(`${retriedAgain} sessions needed more than one retry`);
    if (acceptedAfter > acceptedWithinMs) this.fail(`heartbeats were accepted again after ${acceptedAfter} ms (p99)`);
  }

  print(what) {
    this.model.figures.print(`${what}: longest delay of this process ${Math.round(this.#lag)} ms`);
    this.#lag = 0;
  }

  expectNoViolation() {
    if (this.model.violations.length > 0) this.fail();
  }

  // Sessions of `count` users stop without a word. Their users must go offline.
  leave(count) {
    const beating = [...this.model.sessions.values()].filter((session) => session.isBeating);
    for (const session of beating.sort(() => Math.random() - 0.5).slice(0, count)) session.stop();
  }

  // Sessions of `count` new users begin.
  arrive(count) {
    const first = this.model.sessions.size;
    for (let i = first; i < first + count; i += 1) this.#call(new Session(this.model, `caller-${i}`));
  }

  // Acknowledged writes may be lost from now on, until `lossIsOver`.
  lossBegins() {
    this.model.beginLoss();
    for (const client of this.#clients) client.forget?.();
  }

  // Every watcher has seen commits that are lost now, so each must be reset.
  async lossIsOver() {
    const { watchers } = this.model;
    const isReset = ({ timelines, isSynced }) => timelines === 1 && isSynced;
    await until('each watcher was reset', () => watchers.every(isReset), RECOVERED_WITHIN_MS)
      .catch((late) => this.fail(late.message, ...watchers.map(({ name, timelines }) => `${name}: ${timelines} resets`)));
    this.model.endLoss();
    for (const client of this.#clients) client.forget?.();
  }

  // Watches at a further node.
  watchAt(index) {
    const { users } = connectPatiently(this.cluster.node(index).address, 'watcher');
    this.#clients.push(new Watcher(`the watcher at node ${index}`, this.model, this.serviceSid, () => users, index));
  }

  // Ends the watcher at a node that goes for good.
  unwatch(index) {
    const gone = this.model.watchers.find((watcher) => watcher.index === index);
    gone.stop();
    this.model.watchers.splice(this.model.watchers.indexOf(gone), 1);
  }

  stop() {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.stop();
  }

  // Ends the writers, after the writes that are in progress.
  async stopWriting() {
    const writers = this.#clients.filter((client) => client instanceof Writer);
    for (const writer of writers) writer.stop();
    await Promise.all(writers.map((writer) => writer.running));
  }

  // Prints the logs, and throws what is wrong.
  fail(...what) {
    this.cluster.printLogs();
    throw new Error([...what, ...this.model.violations].join('\n'));
  }

  #watch() {
    for (const index of this.cluster.indices) this.watchAt(index);
    const { users } = this.#connect();
    this.#clients.push(new Watcher('the watcher behind the proxy', this.model, this.serviceSid, () => users));
    let turn = 0;
    const next = () => this.cluster.running[(turn += 1) % this.cluster.running.length].client.users;
    this.#clients.push(new Watcher('the watcher that wanders', this.model, this.serviceSid, next));
  }

  #beat(count) {
    const callers = Math.round(count * CALLERS_OF_TEN / 10);
    const streamed = Array.from({ length: count - callers }, (_, i) => new Session(this.model, `streamed-${i}`));
    for (let at = 0; at < streamed.length; at += SESSIONS_OF_A_GATEWAY) {
      const { users } = this.#connect();
      const some = streamed.slice(at, at + SESSIONS_OF_A_GATEWAY);
      const endSessionsOnClose = at / SESSIONS_OF_A_GATEWAY % 2 === 1;
      this.#clients.push(new Gateway(users, this.serviceSid, some, { intervalMs: INTERVAL_SECONDS * 1_000, endSessionsOnClose }));
    }
    this.arrive(callers);
  }

  #call(session) {
    this.#clients.push(new Caller(this.#connect().users, this.serviceSid, session, INTERVAL_SECONDS * 1_000));
  }

  #write() {
    const anyNode = () => this.cluster.running[Math.floor(Math.random() * this.cluster.running.length)].client.users;
    for (let i = 0; i < WRITERS; i += 1) {
      const mine = () => [...this.model.sessions.values()].filter((session, k) => k % WRITERS === i && session.isBeating)
        .slice(0, USERS_OF_A_WRITER).map(({ identity }) => identity);
      this.#clients.push(new Writer(`${i}`, this.model, this.serviceSid, anyNode, mine, WRITE_EVERY_MS));
    }
  }

  #checkAgainAndAgain() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#lag = Math.max(this.#lag, now - last - CHECK_EVERY_MS);
      last = now;
      this.model.check();
    }, CHECK_EVERY_MS);
  }

  #connect() {
    const turn = this.#clients.length % CONNECTIONS;
    return (this.#connections[turn] ??= connectPatiently(this.cluster.proxy.address, turn));
  }
}
