import { type UserUpdate as WireUpdate, UpdateReason as WireReason } from './wire.js';
import { PresenceError } from './presence-error.js';
import { type UpdateReason, differences, reasonsOf } from './update-reasons.js';
import { User, type UserUpdate } from './user.js';
import { type UserState, absent, deleted, stateOf } from './user-state.js';

/** A watch names at most as many users: see WatchUsersRequest. */
const LIMIT = 1_000;

export interface SubscriptionEvents {
  /** Whether nothing is raised any more. */
  isOver(): boolean;
  updated(update: UserUpdate): void;
  subscribed(user: User): void;
  unsubscribed(user: User): void;
  /** Another set of users is to be watched. */
  changed(): void;
}

/**
 * The users that are watched, and the one place that changes their states: by a whole snapshot, or by whole updates. Events follow when
 * all states of a message are in place.
 */
export class Subscriptions {
  readonly #users = new Map<string, User>();
  #own: User | undefined;
  #version = 0;

  constructor(private readonly ownIdentity: string, private readonly events: SubscriptionEvents) {}

  /** The client's own user; undefined before the first snapshot. */
  get own(): User | undefined { return this.#own; }

  /** All users, the own one first. */
  get users(): User[] { return [...(this.#own ? [this.#own] : []), ...this.#users.values()]; }

  /** The identities to watch. */
  get keys(): string[] { return [this.ownIdentity, ...this.#users.keys()]; }

  /** Grows with each change of the keys. A resume token belongs to the version for which the server made it. */
  get version(): number { return this.#version; }

  find(identity: string): User | undefined {
    return identity === this.ownIdentity ? this.#own : this.#users.get(identity);
  }

  /** Subscribes to a user that was just read. */
  add(state: UserState): User {
    if (this.#users.size + 1 >= LIMIT) throw new PresenceError('TOO_MANY_USERS', `At most ${LIMIT} users can be subscribed at a time.`);
    const user = new User(state, (leaving) => this.#remove(leaving));
    this.#users.set(state.identity, user);
    this.#version++;
    this.events.changed();
    this.events.subscribed(user);
    return user;
  }

  #remove(user: User): void {
    if (this.#users.get(user.identity) !== user) return;
    this.#users.delete(user.identity);
    this.#version++;
    user.endSubscription();
    this.events.changed();
    this.events.unsubscribed(user);
  }

  /**
   * Takes over a complete snapshot, and raises what differs.
   * @param watched The users when the watch began. One that was subscribed again since then may have a newer state.
   */
  replace(snapshot: ReadonlyMap<string, UserState>, watched: readonly User[]): void {
    this.#own ??= new User(snapshot.get(this.ownIdentity) ?? absent(this.ownIdentity), () => {});
    const changes = new Map<User, UpdateReason[]>();
    for (const user of new Set([this.#own, ...watched])) {
      if (!user.isSubscribed) continue;
      const after = snapshot.get(user.identity) ?? deleted(user.state, 0n);
      changes.set(user, differences(user.state, after));
      user.accept(after);
    }
    this.#raise(changes);
  }

  /**
   * Takes over the updates of one message. `isCatchUp`: they are what a resumed watch missed. The server may repeat reasons then, also of
   * messages before the resume token, so only what differs is raised. Where nothing differs, a change was undone meanwhile, and what the
   * server names is raised.
   */
  apply(updates: readonly WireUpdate[], isCatchUp: boolean): void {
    const changes = new Map<User, UpdateReason[]>();
    for (const { user: sent, updateReasons } of updates) {
      const user = sent && this.find(sent.identity);
      // A resume may repeat what an earlier message brought.
      if (!user || sent.revision < user.state.revision) continue;
      const before = user.state;
      const after = updateReasons.includes(WireReason.DELETED) ? deleted(before, sent.revision) : stateOf(sent);
      const different = differences(before, after);
      const named = reasonsOf(updateReasons);
      const isRepeated = sent.revision === before.revision;
      // Somebody who was created and deleted while the connection was lost was never known.
      const isUnknown = before.sid === after.sid && after.sid === '';
      const raised = isRepeated || isUnknown || (isCatchUp && different.length > 0) ? different : named;
      user.accept(after);
      changes.set(user, [...new Set([...(changes.get(user) ?? []), ...raised])]);
    }
    this.#raise(changes);
  }

  #raise(changes: ReadonlyMap<User, UpdateReason[]>): void {
    for (const [user, updateReasons] of changes) {
      // A listener of this message may have unsubscribed from the user, or stopped the client.
      if (updateReasons.length === 0 || !user.isSubscribed || this.events.isOver()) continue;
      // Each listener gets an array of its own: it may change it.
      user.emit('updated', { user, updateReasons: [...updateReasons] });
      this.events.updated({ user, updateReasons: [...updateReasons] });
    }
  }
}
