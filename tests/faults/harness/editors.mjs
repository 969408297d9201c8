// Clients that edit profiles all the time, and try each edit again as they are told until it is acknowledged.
import { setTimeout as pause } from 'node:timers/promises';
import { refusalOf } from './refusal.mjs';
import { rename } from './stage.mjs';

const RETRY_MS = 200;

export class Editors {
  #isEditing = true;
  #editing = [];
  acknowledged = 0;
  refused = 0;
  complaints = []; // refusals that are not those of a store that fails

  constructor(ledger) {
    this.ledger = ledger;
  }

  begin(users, serviceSid, identities) {
    this.#editing = identities.map((identity) => this.#edit(users, serviceSid, identity));
  }

  async end() {
    this.#isEditing = false;
    await Promise.all(this.#editing);
  }

  async #edit(users, serviceSid, identity) {
    for (let i = 0; this.#isEditing; i += 1) {
      const name = `edit ${i} of ${identity}`;
      this.ledger.begin(identity, name);
      while (!await this.#isAcknowledged(() => rename(users, serviceSid, identity, name))) {
        if (!this.#isEditing) return;
        await pause(RETRY_MS);
      }
      this.ledger.acknowledge(identity, name);
      this.acknowledged += 1;
      await pause(0);
    }
  }

  async #isAcknowledged(act) {
    const refusal = await refusalOf(act());
    if (refusal === undefined) return true;
    this.refused += 1;
    if (!refusal.isOfTheStore) this.complaints.push(refusal.message);
    return false;
  }
}
