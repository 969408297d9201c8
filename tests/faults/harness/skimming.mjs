// A watch that only searches its messages for a name, so that a hundred of them can follow what a thousand heartbeats per message change.
// Users arrive in the order in which they changed: a watch that received the last changed user has received all.
import { FleetWatch } from './fleet.mjs';

const SMALL = 1_000;

export class SkimmingWatch extends FleetWatch {
  #awaited = '';
  hasSeen = false;

  // Searches for this user from now on.
  await(identity) {
    this.#awaited = identity;
    this.hasSeen = false;
  }

  take(bytes) {
    // Messages other than a page of users.
    if (bytes.length < SMALL) super.take(bytes);
    this.hasSeen ||= this.#awaited !== '' && bytes.includes(this.#awaited);
  }
}
