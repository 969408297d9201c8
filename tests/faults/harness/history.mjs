// What a service instance was at each revision, as a watch of everybody told it, with a bookmark for each: what a restart on older or
// damaged files is held against.
import { call } from '../../clients/node/presence.mjs';
import { Follower } from './follower.mjs';
import { beat, endSession, newService, readEverybody, rename } from './stage.mjs';
import { until } from './waiting.mjs';

const TOLD_WITHIN_MS = 5_000;
const DO_NEXT = [
  (users, sid, identity, i) => rename(users, sid, identity, `name ${i}`),
  beat,
  endSession,
];

export class History {
  follower = new Follower();
  bookmarks = [];
  #count = 0;

  // `client`: to a server that serves. Its watch is open from then on.
  async begin(client, configuration) {
    this.serviceSid ??= await newService(client, configuration);
    this.follower.follow(client.users, this.serviceSid);
    await until('the watch is synced', () => this.follower.bookmark.token !== '', TOLD_WITHIN_MS);
    this.users = client.users;
  }

  // Creates, renames, and brings online and offline, one change after another, so that each revision is one change and is told alone.
  async goOn(changes) {
    for (let i = 0; i < changes; i += 1) {
      await this.#change();
      await until('the watch tells of a change', () => this.follower.revision > (this.bookmarks.at(-1)?.revision ?? 0), TOLD_WITHIN_MS);
      this.bookmarks.push(this.follower.bookmark);
    }
  }

  // The last bookmark of at most the revision; undefined when all that is known came later.
  upTo(revision) {
    return this.bookmarks.findLast((bookmark) => bookmark.revision <= revision);
  }

  async #change() {
    const i = this.#count;
    this.#count += 1;
    const identity = `user-${i >> 2}`;
    if (i % 4 === 0) await call(this.users, 'createUser', { serviceSid: this.serviceSid, identity });
    else await DO_NEXT[i % 4 - 1](this.users, this.serviceSid, identity, i);
  }
}

// Goes on from a bookmark on a server that may have lost what came after it: returns the reasons of the resets, and what is wrong.
export async function resume(users, serviceSid, bookmark) {
  const follower = new Follower(bookmark);
  await follower.catchUp(users, serviceSid);
  follower.compare(await readEverybody(users, serviceSid));
  return { resets: follower.resets, lies: follower.lies };
}

// What a read finds otherwise than the bookmark says: at a revision, the whole of both must be the same.
export const differsFrom = (bookmark, found) => new Follower(bookmark).differences(found);
