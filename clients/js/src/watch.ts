import type { Api } from './api.js';
import { Stopwatch, after } from './clock.js';
import type { Action, Failure } from './failure.js';
import type { Recovery } from './recovery.js';
import { Run } from './run.js';
import type { Subscriptions } from './subscriptions.js';
import type { TokenSource } from './token-source.js';
import { WatchReader } from './watch-reader.js';
import type { Configuration } from './wire.js';

/** Twilio's words. `disconnected`: waiting for the next try; `denied`: the server rejected the token or the call. */
export type ConnectionState = 'connecting' | 'connected' | 'disconnecting' | 'disconnected' | 'denied';

export interface WatchContext {
  readonly api: Api;
  readonly tokens: TokenSource;
  readonly recovery: Recovery;
  readonly subscriptions: Subscriptions;
  configured(configuration: Configuration): void;
  stateChanged(state: ConnectionState): void;
  /** The watch has the newest state of all users. */
  synced(): void;
  /** The connection did not answer. */
  silent(): void;
}

// The server sends something at least every 16.5 s, so a watch that is silent for longer is dead: see docs/clients.md.
const SILENCE_MS = 40_000;

// While somebody looks at the page, or just came back to it, there is less to wait for.
const SILENCE_SHOWN_MS = 20_000;

// Users that are subscribed one after another join the watch together. Each time, the server reads all users of the watch, so a page that
// goes on subscribing waits longer each time. Both are well below the quotas of new streams and of rows.
const GATHER_MS = 250;
const LONGEST_GATHER_MS = 2_000;

/** The one watch of all subscribed users. It resumes by its token until it is stopped. */
export class Watch {
  #run: Run | undefined;
  #attempt: AbortController | undefined;
  #isSynced = false;
  #isStale = false;
  #resumeToken = '';
  #tokenVersion = -1;
  // What the last attempt needs, if it failed.
  #action: Action | undefined;
  #isUrgent = false;
  #lastMessage = new Stopwatch();
  #cancelSilence = () => {};
  #gather: ReturnType<typeof setTimeout> | undefined;
  #gatherMs = 0;
  #gathered = new Stopwatch();

  constructor(private readonly context: WatchContext) {}

  start(): void {
    if (this.#run) return;
    this.#run = new Run();
    void this.#keepOpen(this.#run);
  }

  stop(): void {
    clearTimeout(this.#gather);
    this.#gather = undefined;
    this.#run?.end();
    this.#run = undefined;
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#isSynced = false;
    this.#cancelSilence();
  }

  /** Watches another set of users, soon. A timer that runs goes on, so further users do not delay it. */
  usersChanged(): void {
    if (!this.#run || this.#gather !== undefined) return;
    const goesOn = this.#gathered.elapsedMs < this.#gatherMs;
    this.#gatherMs = goesOn ? Math.min(LONGEST_GATHER_MS, 2 * this.#gatherMs) : GATHER_MS;
    this.#gather = setTimeout(() => {
      this.#gather = undefined;
      this.#gathered = new Stopwatch();
      this.reopen();
    }, this.#gatherMs);
  }

  /** Opens the watch again, as soon as the present one has synced: a snapshot that is interrupted each time would never arrive. */
  reopen(): void {
    if (this.#isSynced) this.#attempt?.abort();
    else this.#isStale = true;
  }

  /** Opens the watch again at once: the network is another one. */
  reconnect(): void {
    this.#isUrgent = true;
    this.#attempt?.abort();
    this.#run?.wake();
  }

  /** Opens the watch again at once if it is not open, or silent for longer than usual: the page is shown. */
  reconsider(): void {
    if (!this.#attempt) this.reconnect();
    else if (this.#lastMessage.elapsedMs > SILENCE_SHOWN_MS) this.#giveUp(this.#attempt);
  }

  /** Opens the watch again with the new token, at once if the server rejected the one before. */
  tokenReplaced(): void {
    if (this.#action === 'renewToken' && !this.#attempt) this.reconnect();
    else this.reopen();
  }

  async #keepOpen(run: Run): Promise<void> {
    while (!run.isOver) {
      const token = this.context.tokens.text;
      const attempt = this.#attempt = new AbortController();
      this.#isSynced = this.#isStale = this.#isUrgent = false;
      const thrown: unknown = await this.#follow(attempt).catch((error: unknown) => error);
      if (run.isOver) return;
      this.#cancelSilence();
      this.#attempt = undefined;
      this.#isSynced = false;
      if (attempt.signal.aborted) continue;
      const delay = await this.context.recovery.delayAfter(thrown, token, { onFailure: (failure) => this.#accept(failure) });
      if (delay === undefined) return;
      if (!this.#isUrgent) await run.sleep(delay);
      if (!run.isOver) this.context.stateChanged('connecting');
    }
  }

  #accept({ action }: Failure): void {
    this.#action = action;
    if (action === 'dropResumeToken') this.#resumeToken = '';
    this.context.stateChanged(action === 'renewToken' || action === 'stop' ? 'denied' : 'disconnected');
  }

  async #follow(attempt: AbortController): Promise<void> {
    const { api, recovery, subscriptions } = this.context;
    const { keys, users, version } = subscriptions;
    const reader = new WatchReader({
      configure: (configuration) => this.context.configured(configuration),
      replace: (snapshot) => subscriptions.replace(snapshot, users),
      apply: (updates, isCatchUp) => subscriptions.apply(updates, isCatchUp),
      reset: () => { this.#resumeToken = ''; },
      synced: () => {
        this.#isSynced = true;
        this.#action = undefined;
        recovery.succeed();
        this.context.stateChanged('connected');
        this.context.synced();
        if (this.#isStale) attempt.abort();
      },
    });
    this.#expectMessage(attempt);
    for await (const message of api.watch(keys, this.#tokenVersion === version ? this.#resumeToken : '', attempt.signal)) {
      // Connect has read further messages already. They come again in the next attempt, if one follows.
      if (attempt.signal.aborted) return;
      this.#expectMessage(attempt);
      reader.read(message);
      if (message.resumeToken === '') continue;
      this.#resumeToken = message.resumeToken;
      this.#tokenVersion = version;
    }
  }

  #expectMessage(attempt: AbortController): void {
    this.#cancelSilence();
    this.#lastMessage = new Stopwatch();
    this.#cancelSilence = after(SILENCE_MS, () => this.#giveUp(attempt));
  }

  #giveUp(attempt: AbortController): void {
    attempt.abort();
    this.context.silent();
    this.context.stateChanged('connecting');
  }
}
