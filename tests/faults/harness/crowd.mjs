// Users of a service instance with short leases that send heartbeats all the time, by calls and by a stream. Each answer is checked against
// the promise: users stored as online are answered from memory, even if the store fails.
import { setTimeout as pause } from 'node:timers/promises';
import { Beater, beat } from './stage.mjs';

const BEAT_EVERY_MS = 300;

export class Crowd {
  #isBeating = true;
  #beating = [];
  rejections = [];

  // `steady` users send heartbeats by calls, `streamed` users by one stream. Returns when all are stored as online.
  async begin(users, serviceSid, { steady, streamed }) {
    const stream = new Beater(users, serviceSid);
    const byCalls = () => Promise.all(steady.map((identity) => beat(users, serviceSid, identity)));
    const byStream = () => stream.beat(streamed);
    await Promise.all([byCalls(), byStream()]);
    this.#beating = [this.#repeat('by calls', byCalls), this.#repeat('by a stream', byStream)];
  }

  async end() {
    this.#isBeating = false;
    await Promise.all(this.#beating);
  }

  async #repeat(road, act) {
    while (this.#isBeating) {
      await pause(BEAT_EVERY_MS);
      try {
        await act();
      } catch (rejection) {
        this.rejections.push(`a heartbeat ${road} of somebody stored online: ${rejection.message}`);
      }
    }
  }
}
