import type { Api } from './api.js';
import { classify } from './failure.js';
import { PresenceError } from './presence-error.js';
import { Recovery, type RecoveryEvents } from './recovery.js';
import type { Run } from './run.js';
import type { TokenSource } from './token-source.js';
import type { UserState } from './user-state.js';

// With the longest attributes, so many users fit into a reply: see BatchGetUsersRequest.
const BATCH = 100;

interface Wanted {
  readonly user: Promise<UserState>;
  resolve(state: UserState): void;
  reject(error: PresenceError): void;
}

/** Reads users by identity: those that are wanted at the same time together, and none twice at a time. */
export class UserFetcher {
  readonly #wanted = new Map<string, Wanted>();
  #unread: string[] = [];
  #isReading = false;

  constructor(
    private readonly api: Api, private readonly tokens: TokenSource, private readonly run: Run, private readonly events: RecoveryEvents,
  ) {}

  /** Waits while the server cannot be reached. Throws PresenceError, with USER_NOT_FOUND if no user has the identity. */
  fetch(identity: string): Promise<UserState> {
    const known = this.#wanted.get(identity);
    if (known) return known.user;
    let settle!: Pick<Wanted, 'resolve' | 'reject'>;
    const user = new Promise<UserState>((resolve, reject) => { settle = { resolve, reject }; });
    this.#wanted.set(identity, { user, ...settle });
    this.#unread.push(identity);
    void this.#readAll();
    return user;
  }

  async #readAll(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    await Promise.resolve(); // the callers of this moment
    while (this.#unread.length > 0) await this.#readBatch(this.#unread.splice(0, BATCH));
    this.#isReading = false;
  }

  async #readBatch(identities: string[]): Promise<void> {
    let found: Map<string, UserState> | PresenceError;
    try {
      found = new Map((await this.#read(identities)).map((user) => [user.identity, user]));
    } catch (error) {
      found = errorOf(error);
    }
    for (const identity of identities) {
      const wanted = this.#wanted.get(identity)!;
      this.#wanted.delete(identity);
      const user = found instanceof Map ? found.get(identity) : undefined;
      if (user) wanted.resolve(user);
      else wanted.reject(found instanceof Map ? new PresenceError('USER_NOT_FOUND', `No user has the identity "${identity}".`) : found);
    }
  }

  async #read(identities: string[]): Promise<UserState[]> {
    const recovery = new Recovery(this.tokens, this.events);
    for (;;) {
      const token = this.tokens.text;
      try {
        return await this.api.read(identities, this.run.signal);
      } catch (error) {
        const delay = this.run.isOver ? undefined : await recovery.delayAfter(error, token);
        if (delay === undefined) throw error;
        await this.run.sleep(delay);
      }
    }
  }
}

function errorOf(thrown: unknown): PresenceError {
  const { reason, message } = classify(thrown);
  return new PresenceError(reason, message, { cause: thrown });
}
