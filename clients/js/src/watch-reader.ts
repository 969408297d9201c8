import { type UserState, stateOf } from './user-state.js';
import { type Configuration, UpdateReason, type UserUpdate, type WatchUsersResponse } from './wire.js';

export interface WatchSink {
  configure(configuration: Configuration): void;
  /** A complete snapshot. */
  replace(snapshot: ReadonlyMap<string, UserState>): void;
  /** Updates of one message; those of a catch-up came between the begin of a resumed watch and `synced`. */
  apply(updates: readonly UserUpdate[], isCatchUp: boolean): void;
  reset(): void;
  synced(): void;
}

/** Reads the messages of one watch. What comes between `reset` and `synced` is passed on as a whole, or not at all. */
export class WatchReader {
  #snapshot: Map<string, UserState> | undefined;
  #configuration: Configuration | undefined;
  #isSynced = false;

  constructor(private readonly sink: WatchSink) {}

  read({ event }: WatchUsersResponse): void {
    switch (event.case) {
      case 'configuration':
        // The users of a watch that begins are not those of this configuration yet.
        if (this.#isSynced) this.sink.configure(event.value);
        else this.#configuration = event.value;
        break;
      case 'reset':
        this.#isSynced = false;
        this.#snapshot = new Map();
        this.sink.reset();
        break;
      case 'updates':
        if (this.#snapshot) addTo(this.#snapshot, event.value.updates);
        else this.sink.apply(event.value.updates, !this.#isSynced);
        break;
      case 'synced':
        this.#sync();
        break;
    }
  }

  #sync(): void {
    this.#isSynced = true;
    if (this.#configuration) this.sink.configure(this.#configuration);
    this.#configuration = undefined;
    if (this.#snapshot) this.sink.replace(this.#snapshot);
    this.#snapshot = undefined;
    this.sink.synced();
  }
}

function addTo(snapshot: Map<string, UserState>, updates: readonly UserUpdate[]): void {
  for (const { user, updateReasons } of updates) {
    if (!user) continue;
    if (updateReasons.includes(UpdateReason.DELETED)) snapshot.delete(user.identity);
    else snapshot.set(user.identity, stateOf(user));
  }
}
