// A watch that only looks for a name in what it gets, so that a hundred of them can follow what a thousand heartbeats a message change.
// Users come in the order in which they changed: who got the one that changed last was told of all.
import { FleetWatch } from './fleet.mjs';

const SMALL = 1_000;

export class SkimmingWatch extends FleetWatch {
  #awaited = '';
  hasSeen = false;

  // Looks for this user from now on.
  await(identity) {
    this.#awaited = identity;
    this.hasSeen = false;
  }

  take(bytes) {
    // What is not a page of users.
    if (bytes.length < SMALL) super.take(bytes);
    this.hasSeen ||= this.#awaited !== '' && bytes.includes(this.#awaited);
  }
}
