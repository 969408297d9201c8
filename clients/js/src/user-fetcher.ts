import type { Api } from './api.js';
import { classify } from './failure.js';
import { PresenceError } from './presence-error.js';
import { Recovery, type RecoveryEvents } from './recovery.js';
import type { Run } from './run.js';
import type { TokenSource } from './token-source.js';
import type { UserState } from './user-state.js';

// With the longest attributes, so many users fit into a reply: see BatchGetUsersRequest.
const BATCH = 100;

/** Reads users by identity. Those that are wanted in the same turn of the event loop are read together, and none twice at a time. */
export class UserFetcher {
  readonly #wanted = new Map<string, Promise<UserState>>();
  #next: string[] = [];
  #batch: Promise<Map<string, UserState>> | undefined;

  constructor(
    private readonly api: Api, private readonly tokens: TokenSource, private readonly run: Run, private readonly events: RecoveryEvents,
  ) {}

  /** Waits while the server cannot be reached. Throws PresenceError, with USER_NOT_FOUND if no user has the identity. */
  fetch(identity: string): Promise<UserState> {
    const reading = this.#wanted.get(identity);
    if (reading) return reading;
    const read = this.#read(identity).finally(() => this.#wanted.delete(identity));
    this.#wanted.set(identity, read);
    return read;
  }

  async #read(identity: string): Promise<UserState> {
    this.#next.push(identity);
    const batch = this.#batch ??= this.#readNext();
    if (this.#next.length === BATCH) this.#beginBatch();
    const user = (await batch).get(identity);
    if (!user) throw new PresenceError('USER_NOT_FOUND', `No user has the identity "${identity}".`);
    return user;
  }

  #beginBatch(): void {
    this.#next = [];
    this.#batch = undefined;
  }

  async #readNext(): Promise<Map<string, UserState>> {
    const identities = this.#next;
    await Promise.resolve();
    if (this.#next === identities) this.#beginBatch();
    const recovery = new Recovery(this.tokens, this.events);
    for (;;) {
      const token = this.tokens.text;
      try {
        return new Map((await this.api.read(identities, this.run.signal)).map((user) => [user.identity, user]));
      } catch (error) {
        const delay = this.run.isOver ? undefined : await recovery.delayAfter(error, token);
        if (delay === undefined || this.run.isOver) throw this.#errorAfter(error);
        await pause(delay, this.run.signal);
      }
    }
  }

  #errorAfter(error: unknown): PresenceError {
    if (this.run.isOver) return new PresenceError('CLIENT_STOPPED', 'The client was shut down.');
    const { reason, message } = classify(error);
    return new PresenceError(reason, message, { cause: error });
  }
}

// Batches wait independently of each other, so they cannot share the one delay of a run.
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
