import type { Api } from './api.js';
import { classify } from './failure.js';
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
  // When the next beat is due, as a time of performance.now(), which no change of the wall clock moves.
  #dueAt: () => number = () => 0;

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
    return this.#id;
  }

  /** Decides again when the next heartbeat is due, because the page was hidden or shown. */
  reconsider(): void {
    this.#run?.wake();
  }

  /** Sends the next heartbeat now: the network is back. */
  beatNow(): void {
    this.#dueAt = () => 0;
    this.#run?.wake();
  }

  async #beat(run: Run): Promise<void> {
    const { api, tokens, recovery, identity } = this.context;
    while (!run.isOver) {
      const token = tokens.text;
      try {
        const sentAt = performance.now();
        const reply = await api.heartbeat(identity, this.#id, run.signal);
        if (run.isOver) return;
        this.#schedule(sentAt, this.#pace = paceOf(reply));
        recovery.succeed();
        this.context.beaten();
      } catch (error) {
        if (run.isOver) return;
        // Not less often than regular beats, which the server can serve: a longer delay could outlast the lease.
        const delay = await recovery.delayAfter(error, token, this.#pace && { longestMs: this.#pace.intervalMs });
        if (delay === undefined || run.isOver) return;
        if (classify(error).action === 'renewSession') this.#id = newId();
        const dueAt = performance.now() + delay;
        this.#dueAt = () => dueAt;
      }
      await this.#untilDue(run);
    }
  }

  // Counted from the moment of sending, because the lease may have been renewed then, however long the reply took.
  #schedule(sentAt: number, pace: Pace): void {
    const factor = 1 - SPREAD * Math.random();
    this.#dueAt = () => sentAt + intervalOf(pace, this.context.isHidden()) * factor;
  }

  async #untilDue(run: Run): Promise<void> {
    for (;;) {
      const remaining = this.#dueAt() - performance.now();
      if (run.isOver || remaining <= 0) return;
      await run.sleep(remaining);
    }
  }
}

// crypto.randomUUID exists in secure contexts only, and a page in development may not be one.
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
