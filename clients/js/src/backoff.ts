// The first delay is between 1 and 2 s, as the rules of docs/clients.md say. From the fifth on it is between 15 and 30 s, so that a server
// that comes back is found within half a minute.
const FIRST_MS = 2_000;
const LONGEST_MS = 30_000;

/** Delays that double with each failure, half of each random, so that the clients of a server that restarts do not return together. */
export class Backoff {
  #failures = 0;

  get failures(): number {
    return this.#failures;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** The delay before the next try, in milliseconds: at most `longestMs`, but never below what the server asks for. */
  next(retryAfterMs = 0, longestMs = LONGEST_MS): number {
    const delay = Math.min(LONGEST_MS, longestMs, FIRST_MS * 2 ** this.#failures++);
    return Math.max(delay * jitter(), retryAfterMs * 2 * jitter());
  }
}

/** A random factor from 0.5 to 1. */
function jitter(): number {
  return 0.5 + Math.random() / 2;
}
