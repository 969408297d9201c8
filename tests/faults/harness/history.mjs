// Records the state of a service instance at each revision, as a watch of all users reported it, with a bookmark for each. Restarts on
// older or damaged files are checked against it.
import { call } from '../../clients/node/presence.mjs';
import { Follower } from './follower.mjs';
import { beat, endSession, newService, readEverybody, rename } from './stage.mjs';
import { until } from './waiting.mjs';

const RECEIVED_WITHIN_MS = 5_000;
const DO_NEXT = [
  (users, sid, identity, i) => rename(users, sid, identity, `name ${i}`),
  beat,
  endSession,
];

export class History {
  follower = new Follower();
  bookmarks = [];
  #count = 0;

  // `client`: a client of a running server. Its watch remains open.
  async begin(client, configuration) {
    this.serviceSid ??= await newService(client, configuration);
    this.follower.follow(client.users, this.serviceSid);
    await until('the watch is synced', () => this.follower.bookmark.token !== '', RECEIVED_WITHIN_MS);
    this.users = client.users;
  }

  // Creates users, renames them, and brings them online and offline, one change at a time, so that each revision is one change with its own
  // update.
  async goOn(changes) {
    for (let i = 0; i < changes; i += 1) {
      await this.#change();
      await until('the watch sends a change', () => this.follower.revision > (this.bookmarks.at(-1)?.revision ?? 0), RECEIVED_WITHIN_MS);
      this.bookmarks.push(this.follower.bookmark);
    }
  }

  // The last bookmark up to the revision; undefined if all bookmarks are later.
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

// Resumes from a bookmark on a server that may have lost later changes. Returns the reasons of the resets, and what is wrong.
export async function resume(users, serviceSid, bookmark) {
  const follower = new Follower(bookmark);
  await follower.catchUp(users, serviceSid);
  follower.compare(await readEverybody(users, serviceSid));
  return { resets: follower.resets, lies: follower.lies };
}

// The differences between a read and the bookmark. At the same revision, both must be equal.
export const differsFrom = (bookmark, found) => new Follower(bookmark).differences(found);
