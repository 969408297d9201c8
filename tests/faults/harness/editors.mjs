// Clients that edit profiles all the time, and retry each edit as the error asks, until it is acknowledged.
import { setTimeout as pause } from 'node:timers/promises';
import { rejectionOf } from './rejection.mjs';
import { rename } from './stage.mjs';

const RETRY_MS = 200;

// Edits are numbered over all editors, so that a name shows how old it is.
let lastEdit = 0;

export const editOf = (name) => Number(name.split(' ')[1]);

export class Editors {
  #isEditing = true;
  #editing = [];
  acknowledged = 0;
  newest = new Map(); // by identity, the number of the last acknowledged edit
  rejected = 0;
  complaints = []; // errors other than those of a failing store

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
    while (this.#isEditing) {
      lastEdit += 1;
      const edit = lastEdit;
      const name = `edit ${edit}`;
      this.ledger.begin(identity, name);
      while (!await this.#isAcknowledged(() => rename(users, serviceSid, identity, name))) {
        if (!this.#isEditing) return;
        await pause(RETRY_MS);
      }
      this.ledger.acknowledge(identity, name);
      this.acknowledged += 1;
      this.newest.set(identity, edit);
      await pause(0);
    }
  }

  async #isAcknowledged(act) {
    const rejection = await rejectionOf(act());
    if (rejection === undefined) return true;
    this.rejected += 1;
    if (!rejection.isOfTheStore) this.complaints.push(rejection.message);
    return false;
  }
}
