// What the clients of a cluster may conclude from its answers. Everything that contradicts a promise is a violation:
// - NoFalseOffline: no watcher sees a user offline whose session goes on sending heartbeats.
// - OneTimeline: a revision belongs to one state, at every watcher, and no watcher sees a user go back.
// - Durable: each acknowledged write reaches every watcher in time, and is there in the end.
// - Final: a rejection that means "not done" had no effect.
// - Leases: a user whose session stopped goes offline everywhere: not before the lease ends, and in time.
// Times are those of performance.now(), in milliseconds.
import { Figures } from './figures.mjs';

const SEEN_WITHIN_MS = 10_000;
const WATCHES_WITHIN_MS = 30_000;
// The detection of a dead node, and the delay of a loaded machine.
const OFFLINE_WITHIN_MS = 15_000;
// The server's timer may be this early.
const TIMER_MS = 100;
const MOST_VIOLATIONS = 50;

export class Model {
  violations = [];
  sessions = new Map(); // by identity
  writes = new Map(); // by identity: the last acknowledged write, and names that may be stored
  watchers = [];
  figures = new Figures();
  lostCommits = false; // whether acknowledged changes may be missing
  hasLost = false; // whether that was ever so
  #states = new Map(); // by revision
  #mayBeSkipped = 0; // changes whose state another one may have followed before a client saw it
  #neverDone = new Set(); // names of writes that were rejected as not done

  // `trouble`: tells since when nodes are well. `timeoutMs`: the length of leases.
  constructor(trouble, timeoutMs) {
    this.trouble = trouble;
    this.timeoutMs = timeoutMs;
  }

  violated(promise, what) {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(`${new Date().toISOString()} ${promise}: ${what}`);
  }

  // A watcher received a state of a user.
  seen(watcher, user) {
    const { identity, isOnline, friendlyName } = user;
    const session = this.sessions.get(identity);
    if (this.#neverDone.has(friendlyName)) this.violated('Final', `${identity} has the name ${friendlyName}, rejected as not done`);
    this.#compare(user, watcher.name);
    if (isOnline !== false || session === undefined) return;
    const since = performance.now() - session.acceptedAt;
    const where = `${identity} is offline at ${watcher.name}, revision ${user.revision}, `
      + `${Math.round(since)} ms after its last accepted heartbeat (since then ${session.failures.join(', ') || 'none failed'})`;
    if (session.isBeating) this.violated('NoFalseOffline', where);
    else if (!session.endsWithStream && since < this.timeoutMs - TIMER_MS) this.violated('Leases', `${where}, before the lease ended`);
  }

  // A write was acknowledged, with this state of the user.
  acknowledged(user) {
    const { identity, friendlyName: name, revision } = user;
    const { perhaps = new Set() } = this.writes.get(identity) ?? {};
    this.writes.set(identity, { name, revision: BigInt(revision), perhaps });
    this.#compare(user, 'the writer');
    for (const watcher of this.watchers) watcher.expect(identity, BigInt(revision));
  }

  // A write failed. `isDone`: false if the answer says that nothing was done.
  failed(identity, name, isDone) {
    if (isDone === false) {
      this.#neverDone.add(name);
      return;
    }
    this.#mayBeSkipped += 1;
    const write = this.writes.get(identity) ?? { revision: 0n, perhaps: new Set() };
    write.perhaps.add(name);
    this.writes.set(identity, write);
  }

  // What is late now. Call it again and again.
  check() {
    const now = performance.now();
    for (const watcher of this.watchers) {
      const wellSince = this.trouble.wellSince(watcher.index);
      if (!watcher.isSynced && now - Math.max(watcher.lostAt, wellSince) > WATCHES_WITHIN_MS) {
        this.violated('Resumable', `${watcher.name} has not been able to watch since ${Math.round(now - watcher.lostAt)} ms`);
        watcher.lostAt = now;
      }
      if (!watcher.isSynced) continue;
      const ready = Math.max(watcher.syncedAt, wellSince);
      for (const [identity, { revision, at }] of watcher.pending) {
        if (now - Math.max(at, ready) < SEEN_WITHIN_MS) continue;
        const late = Math.round(now - at);
        this.violated('Durable', `${watcher.name} lacks revision ${revision} of ${identity} ${late} ms after the answer`);
        watcher.pending.delete(identity);
      }
      this.#checkLeaves(watcher, Math.max(ready, this.trouble.wellSince()), now);
    }
  }

  // Acknowledged changes may be lost from now on: what was expected is not expected any more.
  beginLoss() {
    this.lostCommits = true;
    this.hasLost = true;
    this.#states.clear();
    for (const write of this.writes.values()) {
      if (write.name !== undefined) write.perhaps.add(write.name);
      Object.assign(write, { name: undefined, revision: 0n });
    }
    for (const watcher of this.watchers) watcher.pending.clear();
  }

  endLoss() {
    this.beginLoss();
    this.lostCommits = false;
  }

  // The differences between a read of every user and what was acknowledged.
  differences(found, where) {
    const differences = [];
    for (const [identity, { name, revision, perhaps }] of this.writes) {
      if (name === undefined) continue; // no write was acknowledged
      const user = found.get(identity);
      if (user === undefined) differences.push(`${identity} is missing at ${where}`);
      else if (BigInt(user.revision) < revision || (user.friendlyName !== name && !perhaps.has(user.friendlyName))) {
        differences.push(`${identity} is ${user.friendlyName}@${user.revision} at ${where}; acknowledged was ${name}@${revision}`);
      }
    }
    for (const [identity, session] of this.sessions) {
      if (session.isBeating && found.get(identity)?.isOnline !== true) differences.push(`${identity} is not online at ${where}`);
    }
    return differences;
  }

  #compare({ identity, friendlyName, isOnline, revision }, where) {
    if (this.lostCommits) return;
    const state = `${identity} as ${friendlyName}, online ${isOnline}`;
    const known = this.#states.get(revision);
    if (known === undefined) this.#states.set(revision, { state, where });
    else if (known.state !== state) {
      this.violated('OneTimeline', `revision ${revision} is ${state} at ${where}, and ${known.state} at ${known.where}`);
    }
  }

  #checkLeaves(watcher, ready, now) {
    for (const [identity, session] of this.sessions) {
      if (!session.isStopped || watcher.users.get(identity)?.isOnline !== true) continue;
      if (now - Math.max(session.sentAt, ready) < this.timeoutMs + OFFLINE_WITHIN_MS) continue;
      if (session.isLate) continue;
      session.isLate = true;
      this.violated('Leases', `${identity} is online at ${watcher.name} ${Math.round(now - session.sentAt)} ms after the last heartbeat`);
    }
  }

  // Each revision must have been seen by a client. Writes with an unknown outcome and new users are seen only if a watcher is faster than
  // the next change of the user.
  checkGaps() {
    const revisions = [...this.#states.keys()].map(Number).sort((a, b) => a - b);
    const missing = revisions.at(-1) - revisions[0] + 1 - revisions.length;
    if (!this.hasLost && missing > this.#mayBeSkipped + this.sessions.size / 100) {
      this.violated('OneTimeline', `${missing} revisions of ${revisions.length} were seen by no client`);
    }
    return missing;
  }
}
