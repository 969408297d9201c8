import type { Api } from './api.js';
import type { Failure } from './failure.js';
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

// Users that are subscribed one after another join the watch together. Well below the quota of new streams.
const GATHER_MS = 250;

/** The one watch of all subscribed users. It resumes by its token until it is stopped. */
export class Watch {
  #run: Run | undefined;
  #attempt: AbortController | undefined;
  #isSynced = false;
  #isStale = false;
  #resumeToken = '';
  #tokenVersion = -1;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #gather: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly context: WatchContext) {}

  start(): void {
    if (this.#run) return;
    this.#run = new Run();
    void this.#keepOpen(this.#run);
  }

  stop(): void {
    clearTimeout(this.#gather);
    this.#run?.end();
    this.#run = undefined;
    this.#attempt?.abort();
    clearTimeout(this.#silence);
  }

  /** Watches another set of users, soon. */
  usersChanged(): void {
    clearTimeout(this.#gather);
    this.#gather = setTimeout(() => this.reopen(), GATHER_MS);
  }

  /** Opens the watch again, as soon as the present one has synced: a snapshot that is interrupted each time would never arrive. */
  reopen(): void {
    if (this.#isSynced) this.#attempt?.abort();
    else this.#isStale = true;
  }

  /** Opens the watch again at once: the network is back. */
  reconnect(): void {
    this.#attempt?.abort();
    this.#run?.wake();
  }

  async #keepOpen(run: Run): Promise<void> {
    while (!run.isOver) {
      const token = this.context.tokens.text;
      const attempt = this.#attempt = new AbortController();
      this.#isSynced = this.#isStale = false;
      const thrown: unknown = await this.#follow(attempt).catch((error: unknown) => error);
      if (run.isOver) return;
      clearTimeout(this.#silence);
      this.#attempt = undefined;
      this.#isSynced = false;
      if (attempt.signal.aborted) continue;
      const delay = await this.context.recovery.delayAfter(thrown, token, { onFailure: (failure) => this.#accept(failure) });
      if (delay === undefined) return;
      await run.sleep(delay);
      if (!run.isOver) this.context.stateChanged('connecting');
    }
  }

  #accept({ action }: Failure): void {
    if (action === 'dropResumeToken') this.#resumeToken = '';
    this.context.stateChanged(action === 'renewToken' || action === 'stop' ? 'denied' : 'disconnected');
  }

  async #follow(attempt: AbortController): Promise<void> {
    const { api, recovery, subscriptions } = this.context;
    const { keys, version } = subscriptions;
    const reader = new WatchReader({
      configure: (configuration) => this.context.configured(configuration),
      replace: (snapshot) => subscriptions.replace(snapshot, keys),
      apply: (updates, isCatchUp) => subscriptions.apply(updates, isCatchUp),
      reset: () => { this.#resumeToken = ''; },
      synced: () => {
        this.#isSynced = true;
        recovery.succeed();
        this.context.stateChanged('connected');
        this.context.synced();
        if (this.#isStale) attempt.abort();
      },
    });
    this.#expectMessage(attempt);
    for await (const message of api.watch(keys, this.#tokenVersion === version ? this.#resumeToken : '', attempt.signal)) {
      this.#expectMessage(attempt);
      reader.read(message);
      if (message.resumeToken === '') continue;
      this.#resumeToken = message.resumeToken;
      this.#tokenVersion = version;
    }
  }

  #expectMessage(attempt: AbortController): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.context.stateChanged('connecting');
      this.context.silent();
      attempt.abort();
    }, SILENCE_MS);
  }
}
