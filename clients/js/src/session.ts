import { type Api, DEADLINE_MS } from './api.js';
import { Stopwatch } from './clock.js';
import type { Action } from './failure.js';
import { type Pace, intervalOf, paceOf } from './pace.js';
import type { Recovery } from './recovery.js';
import { Run } from './run.js';
import type { TokenSource } from './token-source.js';

export interface SessionContext {
  readonly api: Api;
  readonly tokens: TokenSource;
  readonly recovery: Recovery;
  readonly identity: string;
  isHidden(): boolean;
  /** A heartbeat was answered. */
  beaten(): void;
}

// Beats of clients that started together drift apart. They come early, never late.
const SPREAD = 0.1;

/** Keeps the client's own user online: heartbeats at the server's pace, from `start` to `stop`. */
export class Session {
  #run: Run | undefined;
  #id = '';
  #pace: Pace | undefined;
  // The heartbeat that is not answered yet.
  #call: { readonly controller: AbortController; readonly sent: Stopwatch } | undefined;
  // What the last heartbeat needs, if it failed.
  #action: Action | undefined;
  #isUrgent = false;
  // The time until the next beat is due.
  #remainingMs: () => number = () => 0;

  constructor(private readonly context: SessionContext) {}

  /** Begins a session with a new id: an id that was ended does not come back. */
  start(): void {
    if (this.#run) return;
    this.#id = newId();
    this.#run = new Run();
    void this.#beat(this.#run);
  }

  /** Sends no more heartbeats. Returns the id of the session to end, or undefined if none was begun. */
  stop(): string | undefined {
    if (!this.#run) return undefined;
    this.#run.end();
    this.#run = undefined;
    this.#call?.controller.abort();
    this.#call = undefined;
    return this.#id;
  }

  /** Decides again when the next heartbeat is due, because the page was hidden or shown. A page that is shown repeats a lost beat. */
  reconsider(): void {
    const isLost = this.#action !== undefined || (this.#call && this.#call.sent.elapsedMs > DEADLINE_MS);
    if (isLost && !this.context.isHidden()) this.beatNow();
    else this.#run?.wake();
  }

  /** Sends a heartbeat now, also in place of one that waits for its answer: the network is another one. */
  beatNow(): void {
    this.#isUrgent = true;
    this.#call?.controller.abort();
    this.#run?.wake();
  }

  /** Beats with the new token at once, if the server rejected the one before. */
  tokenReplaced(): void {
    if (this.#action === 'renewToken') this.beatNow();
  }

  async #beat(run: Run): Promise<void> {
    const { api, tokens, recovery, identity } = this.context;
    while (!run.isOver) {
      const token = tokens.text;
      const controller = new AbortController();
      const sent = new Stopwatch();
      this.#call = { controller, sent };
      this.#isUrgent = false;
      try {
        const reply = await api.heartbeat(identity, this.#id, controller.signal);
        if (run.isOver) return;
        this.#call = this.#action = undefined;
        this.#schedule(sent, this.#pace = paceOf(reply));
        recovery.succeed();
        this.context.beaten();
      } catch (error) {
        if (run.isOver) return;
        this.#call = undefined;
        if (controller.signal.aborted) continue; // by beatNow
        const delay = await recovery.delayAfter(error, token, {
          // Not less often than regular beats, which the server can serve: a longer delay could outlast the lease.
          longestMs: this.#pace?.intervalMs,
          onFailure: ({ action }) => { this.#action = action; },
        });
        if (delay === undefined || run.isOver) return;
        if (this.#action === 'renewSession') this.#id = newId();
        const failed = new Stopwatch();
        this.#remainingMs = () => delay - failed.elapsedMs;
      }
      await this.#untilDue(run);
    }
  }

  // Counted from the moment of sending, because the lease may have been renewed then, however long the reply took.
  #schedule(sent: Stopwatch, pace: Pace): void {
    const factor = 1 - SPREAD * Math.random();
    this.#remainingMs = () => intervalOf(pace, this.context.isHidden()) * factor - sent.elapsedMs;
  }

  async #untilDue(run: Run): Promise<void> {
    for (;;) {
      const remaining = this.#remainingMs();
      if (run.isOver || this.#isUrgent || remaining <= 0) return;
      await run.sleep(remaining);
    }
  }
}

// crypto.randomUUID exists in secure contexts only, and a page in development may not be one.
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
