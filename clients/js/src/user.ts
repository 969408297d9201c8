import { Emitter } from './emitter.js';
import type { UpdateReason } from './update-reasons.js';
import type { UserState } from './user-state.js';

/** A change of a user. The user has its new state already, and so has every other user that changed with it. */
export interface UserUpdate {
  readonly user: User;
  readonly updateReasons: UpdateReason[];
}

export interface UserEvents {
  /** The user changed. */
  updated: (update: UserUpdate) => void;
}

/** A user that the client is subscribed to. The properties always are those of one state. */
export class User extends Emitter<UserEvents> {
  #state: UserState;
  readonly #unsubscribe: (user: User) => void;
  #isSubscribed = true;

  /** @internal */
  constructor(state: UserState, unsubscribe: (user: User) => void) {
    super();
    this.#state = state;
    this.#unsubscribe = unsubscribe;
  }

  /** The application's name for the user. Never changes. */
  get identity(): string { return this.#state.identity; }

  /** The SID of the user, "US…"; empty while the user is deleted. */
  get sid(): string { return this.#state.sid; }

  /** The display name; may be empty. */
  get friendlyName(): string { return this.#state.friendlyName; }

  /** The application's own data, a new object at each call. */
  get attributes(): Record<string, unknown> { return JSON.parse(this.#state.attributes || '{}') as Record<string, unknown>; }

  /** "RL…" or empty. */
  get roleSid(): string { return this.#state.roleSid; }

  /** Whether the user has a live session; null while that is unknown, as with reachability switched off. */
  get isOnline(): boolean | null { return this.#state.isOnline; }

  /** Whether a push notification can reach the user; null while that is unknown. */
  get isNotifiable(): boolean | null { return this.#state.isNotifiable; }

  /** When the user last went offline; null while the user is online, and while it is unknown. */
  get lastOnlineTime(): Date | null { return this.#state.lastOnlineTime; }

  /** Whether the client still receives changes of this user. */
  get isSubscribed(): boolean { return this.#isSubscribed; }

  /** Stops receiving changes of this user. Has no effect on the client's own user. */
  async unsubscribe(): Promise<void> {
    this.#unsubscribe(this);
  }

  /** @internal */
  get state(): UserState { return this.#state; }

  /** @internal */
  accept(state: UserState): void { this.#state = state; }

  /** @internal */
  endSubscription(): void { this.#isSubscribed = false; }
}
