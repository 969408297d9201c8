// A client that watches everybody across all crashes with one chain of resume tokens. What it knows must
// be what the server knows, and no user may ever go back in time.
import { Watch } from '../../clients/node/presence.mjs';

export class Follower {
  #token = '';
  #watch;
  #users = new Map();
  #reading;
  resets = 0;
  lies = [];

  follow(users, serviceSid) {
    this.#watch = new Watch(users, { serviceSid, resumeToken: this.#token });
    this.#reading = this.#read();
  }

  // Waits until what the watch owed is told, so that both sides can be compared.
  async catchUp(users, serviceSid) {
    const watch = new Watch(users, { serviceSid, resumeToken: this.#token });
    for (let event = ''; event !== 'synced';) {
      const message = await watch.next('synced');
      this.#take(message);
      event = message.event;
    }
    watch.cancel();
  }

  // The server was killed under it.
  async lost() {
    await this.#reading;
  }

  compare(found) {
    for (const [identity, user] of found) {
      const known = this.#users.get(identity);
      if (known?.friendlyName !== user.friendlyName || known?.isOnline !== user.isOnline) {
        this.lies.push(`${identity} is ${known?.friendlyName}/${known?.isOnline} to the watch, and ${user.friendlyName}/${user.isOnline} to a read`);
      }
    }
  }

  async #read() {
    try {
      for (;;) this.#take(await this.#watch.next('anything'));
    } catch {
      // Killed, or silent for a while before it is.
      this.#watch.cancel();
    }
  }

  #take(message) {
    if (message.event === 'reset') {
      this.resets += 1;
      this.#users.clear();
    }
    for (const { user } of message.updates?.updates ?? []) {
      const known = this.#users.get(user.identity);
      if (known && BigInt(user.revision) < BigInt(known.revision)) this.lies.push(`${user.identity} went back from ${known.revision} to ${user.revision}`);
      this.#users.set(user.identity, user);
    }
    if (message.resumeToken !== '') this.#token = message.resumeToken;
  }
}
