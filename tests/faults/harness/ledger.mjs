// Records what the server has acknowledged, and must still know after any crash. A call that was in progress when the server was killed may
// have happened or not: both names are valid.
export class Ledger {
  #users = new Map();

  get size() {
    return this.#users.size;
  }

  isKnown(identity) {
    return this.#users.get(identity)?.name !== undefined;
  }

  // A call that gives the user this name has been sent.
  begin(identity, name) {
    const user = this.#users.get(identity) ?? {};
    this.#users.set(identity, { ...user, perhaps: name });
  }

  // The call was acknowledged.
  acknowledge(identity, name) {
    this.#users.set(identity, { ...this.#users.get(identity), name, perhaps: undefined });
  }

  // A heartbeat of the user was acknowledged.
  beaten(identity) {
    this.#users.get(identity).isOnline = true;
  }

  // Checks the server's data against the ledger, and adopts the server's data where both are valid.
  lies(found) {
    const lies = [];
    for (const [identity, { name, perhaps, isOnline }] of this.#users) {
      const user = found.get(identity);
      if (user === undefined) {
        if (name !== undefined) lies.push(`${identity} is lost`);
        this.#users.delete(identity);
        continue;
      }
      if (user.friendlyName !== name && user.friendlyName !== perhaps) {
        lies.push(`${identity} is called ${user.friendlyName}; acknowledged was ${name}, and under way ${perhaps}`);
      }
      if (isOnline && user.isOnline !== true) lies.push(`${identity} is falsely offline`);
      this.#users.set(identity, { name: user.friendlyName, perhaps: undefined, isOnline });
    }
    return lies;
  }
}
