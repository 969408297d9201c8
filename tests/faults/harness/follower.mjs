// A client that watches all users across all crashes with one chain of resume tokens. It must know what the server knows, and no user may
// ever go back in time.
import { Watch } from '../../clients/node/presence.mjs';

// An open watch is never silent for longer than 15 s plus 10 %.
const ALIVE_MS = 20_000;

export class Follower {
  #token;
  #watch;
  #users;
  #reading;
  #onToken;
  resets = []; // their reasons
  lies = [];
  seenOffline = new Set(); // identities that a watch reported as offline

  // `bookmark`: where another follower was, to resume from there. `onToken` receives the bookmark of each token.
  constructor({ token = '', users = new Map() } = {}, onToken = () => {}) {
    this.#token = token;
    this.#users = new Map(users);
    this.#onToken = onToken;
  }

  // The known users, and the token of that state.
  get bookmark() {
    return { token: this.#token, users: new Map(this.#users), revision: this.revision };
  }

  // The newest known revision of any user.
  get revision() {
    return [...this.#users.values()].reduce((newest, user) => Math.max(newest, Number(user.revision)), 0);
  }

  follow(users, serviceSid) {
    this.#watch = new Watch(users, { serviceSid, resumeToken: this.#token });
    this.#reading = this.#read();
  }

  // Waits until the watch has caught up, so that both sides can be compared.
  async catchUp(users, serviceSid) {
    const watch = new Watch(users, { serviceSid, resumeToken: this.#token });
    try {
      for (let event = ''; event !== 'synced';) {
        const message = await watch.next('synced');
        this.#take(message);
        event = message.event;
      }
    } finally {
      watch.cancel();
    }
  }

  // The server was killed while the watch was open.
  async lost() {
    await this.#reading;
  }

  // The differences between the known users and a read.
  differences(found) {
    const differences = [];
    for (const identity of new Set([...found.keys(), ...this.#users.keys()])) {
      const received = describe(this.#users.get(identity));
      const read = describe(found.get(identity));
      if (received !== read) differences.push(`${identity} is ${received} to the watch, and ${read} to a read`);
    }
    return differences;
  }

  compare(found) {
    this.lies.push(...this.differences(found));
  }

  async #read() {
    try {
      for (;;) this.#take(await this.#watch.next('sign of life', ALIVE_MS));
    } catch (end) {
      // The server was killed, as the stream's status shows.
      if (end.code === undefined) this.lies.push(end.message);
      this.#watch.cancel();
    }
  }

  #take(message) {
    if (message.event === 'reset') {
      this.resets.push(message.reset.reason);
      this.#users.clear();
      // Discard the known users. A snapshot is valid only when it is complete.
      this.#token = '';
    }
    for (const { user } of message.updates?.updates ?? []) {
      const known = this.#users.get(user.identity);
      if (known && BigInt(user.revision) < BigInt(known.revision)) {
        this.lies.push(`${user.identity} went back from ${known.revision} to ${user.revision}`);
      }
      if (user.isOnline === false) this.seenOffline.add(user.identity);
      this.#users.set(user.identity, user);
    }
    if (message.resumeToken === '') return;
    this.#token = message.resumeToken;
    this.#onToken(this.bookmark);
  }
}

const describe = (user) => (user === undefined ? 'unknown' : `${user.friendlyName}/${user.isOnline}@${user.revision}`);
