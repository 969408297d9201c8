import { Backoff } from './backoff.js';
import { type Failure, classify } from './failure.js';
import type { TokenSource } from './token-source.js';

export interface RecoveryEvents {
  /** A call failed. After `stop`, nothing is tried any more. */
  failed(failure: Failure): void;
}

export interface RecoveryOptions {
  /** The longest delay for which the server did not ask, in milliseconds. */
  readonly longestMs?: number | undefined;
  /** Is called with the failure before anything is done about it. */
  onFailure?(failure: Failure): void;
}

/** What follows the failures of one kind of call, until one succeeds. */
export class Recovery {
  readonly #backoff = new Backoff();

  constructor(private readonly tokens: TokenSource, private readonly events: RecoveryEvents) {}

  succeed(): void {
    this.#backoff.reset();
  }

  /**
   * Returns how long to wait before the next try, in milliseconds, or undefined if no try can succeed. Obtains a new access token first
   * where the server rejected `token`, which was in use when the call began.
   */
  async delayAfter(thrown: unknown, token: string | undefined, options: RecoveryOptions = {}): Promise<number | undefined> {
    const failure = classify(thrown);
    options.onFailure?.(failure);
    this.events.failed(failure);
    if (failure.action === 'stop') return undefined;
    const isFirst = this.#backoff.failures === 0;
    const delay = this.#backoff.next(failure.retryAfterMs, options.longestMs);
    if (failure.action === 'renewToken') await this.tokens.replace(token);
    const isUnchanged = failure.action === 'retry' || (failure.action === 'renewToken' && this.tokens.text === token);
    // What the failure asks for is done at once. Only if it does not help, the client waits.
    return isFirst && !isUnchanged ? 0 : delay;
  }
}
