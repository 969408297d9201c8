import type { PresenceError } from './presence-error.js';
import type { User, UserUpdate } from './user.js';
import type { ConnectionState } from './watch.js';

/** `initialized`: the own user is online and its state known. `failed`: the client cannot work, and has stopped. */
export type State = 'initialized' | 'failed';

export interface ConnectionFailure {
  /** Whether the client gave up. */
  readonly terminal: boolean;
  readonly message: string;
  /** See PresenceError. */
  readonly reason: string;
}

export interface ClientEvents {
  stateChanged: (state: State) => void;
  /** The same as `stateChanged` with `initialized`. */
  initialized: () => void;
  /** The same as `stateChanged` with `failed`, and why. */
  initFailed: (event: { error: PresenceError }) => void;
  connectionStateChanged: (state: ConnectionState) => void;
  /** A call failed. The client repeats it, unless `terminal`. */
  connectionError: (failure: ConnectionFailure) => void;
  /** A subscribed user changed. Comes after `updated` of the user itself. */
  userUpdated: (update: UserUpdate) => void;
  userSubscribed: (user: User) => void;
  userUnsubscribed: (user: User) => void;
  /** The token expires within three minutes, and no provider replaced it. Call `updateToken`. */
  tokenAboutToExpire: () => void;
  /** The token has expired. The client waits for `updateToken` or for the provider. */
  tokenExpired: () => void;
}
