// Back ends that create and rename users at random nodes, and never repeat a write whose outcome they do not know under the same name.
import { setTimeout as pause } from 'node:timers/promises';
import { failureOf, waitToRetry } from './failure.mjs';

const ANSWERED_WITHIN_MS = 5_000;
const NEW_USER_EVERY = 5;

let lastName = 0;

export class Writer {
  #created = [];

  // `connectionOf`: returns the client of a random node. `identities`: users that exist, which nobody else renames.
  constructor(name, model, serviceSid, connectionOf, identities, everyMs) {
    Object.assign(this, { name, model, serviceSid, connectionOf, identities, everyMs });
    this.running = this.#run();
  }

  stop() {
    this.isStopping = true;
  }

  async #run() {
    for (let i = 0; !this.isStopping; i += 1) {
      lastName += 1;
      const friendlyName = `name ${lastName}`;
      const isNew = i % NEW_USER_EVERY === 0;
      const known = [...this.#created, ...this.identities()];
      const identity = isNew || known.length === 0 ? `written-${this.name}-${i}` : known[Math.floor(Math.random() * known.length)];
      const isDone = isNew || known.length === 0
        ? await this.#write('createUser', { serviceSid: this.serviceSid, identity, friendlyName }, identity, friendlyName)
        : await this.#write('updateUser', {
          user: { serviceSid: this.serviceSid, identity, friendlyName }, updateMask: { paths: ['friendly_name'] },
        }, identity, friendlyName);
      if (isDone && (isNew || known.length === 0)) this.#created.push(identity);
      await pause(this.everyMs * (0.5 + Math.random()));
    }
  }

  // Forgets the users that it has created, because they may be lost.
  forget() {
    this.#created = [];
  }

  async #write(method, request, identity, friendlyName) {
    const { figures } = this.model;
    const sentAt = performance.now();
    try {
      const { user } = await new Promise((resolve, reject) => {
        this.connectionOf()[method](request, { deadline: Date.now() + ANSWERED_WITHIN_MS },
          (error, response) => (error ? reject(error) : resolve(response)));
      });
      figures.count('writes answered');
      figures.time('write', performance.now() - sentAt);
      this.model.acknowledged(user);
      return true;
    } catch (error) {
      const failure = failureOf(error);
      figures.count(`writes failed: ${failure.name}`);
      this.model.failed(identity, friendlyName, failure.isDone);
      const isLost = failure.reason === 'USER_NOT_FOUND' && this.model.lostCommits;
      if (!failure.isTransient && !isLost) {
        this.model.violated('Durable', `${method} of ${identity} failed with ${failure.name}: ${failure.text}`);
      }
      await waitToRetry(failure);
      return false;
    }
  }
}
