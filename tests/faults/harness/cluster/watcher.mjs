// A client that watches all users at one node, or at another node each time, with one chain of resume tokens over all faults.
import { Watch } from '../../../clients/node/presence.mjs';
import { failureOf, waitToRetry } from './failure.mjs';

// An open watch is never silent for longer than 15 s plus 10 %.
const ALIVE_MS = 20_000;
const SYNCED_WITHIN_MS = 10_000;
const BOOKMARK_EVERY_MS = 3_000;
const MOST_BOOKMARKS = 5;

export class Watcher {
  users = new Map(); // by identity
  pending = new Map(); // by identity: acknowledged revisions that it has not seen
  bookmarks = [];
  token = '';
  isSynced = false;
  syncedAt = 0;
  lostAt = performance.now();
  timelines = 0; // how often it was reset because commits were lost
  #revisions = new Map();
  #bookmarkedAt = 0;
  #watch;

  // `connectionOf`: returns the client for the next watch. `index`: the node that it always watches at, if any.
  constructor(name, model, serviceSid, connectionOf, index) {
    Object.assign(this, { name, model, serviceSid, connectionOf, index });
    model.watchers.push(this);
    this.running = this.#run();
  }

  // A write was acknowledged, which this watcher must see.
  expect(identity, revision) {
    if ((this.#revisions.get(identity) ?? 0n) >= revision) this.model.figures.time('write answered → seen by a watcher', 0);
    else this.pending.set(identity, { revision, at: this.pending.get(identity)?.at ?? performance.now() });
  }

  stop() {
    this.isStopping = true;
    this.#watch?.cancel();
  }

  async #run() {
    while (!this.isStopping) {
      const watch = new Watch(this.connectionOf(), { serviceSid: this.serviceSid, resumeToken: this.token });
      this.#watch = watch;
      try {
        for (;;) this.#take(await watch.next('sign of life', this.isSynced ? ALIVE_MS : SYNCED_WITHIN_MS));
      } catch (error) {
        watch.cancel();
        if (this.isSynced) this.lostAt = performance.now();
        this.isSynced = false;
        if (this.isStopping) return;
        const failure = failureOf(error);
        this.model.figures.count(`watches ended: ${failure.name}`);
        if (!failure.isTransient) this.model.violated('Resumable', `the watch of ${this.name} ended with ${failure.name}: ${failure.text}`);
        await waitToRetry(failure);
      }
    }
  }

  #take(message) {
    if (message.event === 'reset') this.#reset(message.reset.reason);
    for (const { user } of message.updates?.updates ?? []) this.#update(user);
    if (message.resumeToken !== '') {
      this.token = message.resumeToken;
      if (this.isSynced && performance.now() - this.#bookmarkedAt > BOOKMARK_EVERY_MS) this.#bookmark();
    }
    if (message.event === 'synced') {
      this.isSynced = true;
      this.syncedAt = performance.now();
      this.model.figures.count('watches synced');
    }
  }

  #reset(reason) {
    const isExpected = this.token === '' ? reason === 'RESET_REASON_INITIAL'
      : reason === 'RESET_REASON_TIMELINE_CHANGED' && this.model.lostCommits;
    if (!isExpected) this.model.violated('Resumable', `${this.name} was reset: ${reason}`);
    this.model.figures.count(`resets: ${reason}`);
    if (reason === 'RESET_REASON_TIMELINE_CHANGED') this.timelines += 1;
    this.token = '';
    this.users.clear();
    this.#revisions.clear();
    this.bookmarks = [];
  }

  #update(user) {
    const { identity } = user;
    const revision = BigInt(user.revision);
    const known = this.#revisions.get(identity) ?? -1n;
    if (revision < known) this.model.violated('OneTimeline', `${identity} went back from ${known} to ${revision} at ${this.name}`);
    if (revision === known) {
      this.model.figures.count('updates that came twice');
      if (this.isSynced) this.model.violated('OneTimeline', `revision ${revision} of ${identity} came twice in one watch of ${this.name}`);
    }
    this.model.seen(this, user);
    this.users.set(identity, user);
    this.#revisions.set(identity, revision);
    this.model.figures.count('updates received');
    const expected = this.pending.get(identity);
    if (expected && revision >= expected.revision) {
      this.pending.delete(identity);
      this.model.figures.time('write answered → seen by a watcher', performance.now() - expected.at);
    }
  }

  #bookmark() {
    this.#bookmarkedAt = performance.now();
    this.bookmarks.push({ token: this.token, users: new Map(this.users), by: this.name });
    if (this.bookmarks.length > MOST_BOOKMARKS) this.bookmarks.splice(1 + Math.floor(Math.random() * (MOST_BOOKMARKS - 1)), 1);
  }
}
