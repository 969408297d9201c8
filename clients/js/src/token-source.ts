import { type AccessToken, readAccessToken } from './access-token.js';
import { Backoff } from './backoff.js';
import { PresenceError } from './presence-error.js';

/** Returns an access token, or a promise of one. */
export type TokenProvider = () => string | Promise<string>;

export interface TokenEvents {
  /** A new token is in use. */
  renewed(): void;
  aboutToExpire(): void;
  /** The token is no longer valid, and nothing has replaced it. */
  expired(): void;
  failed(error: PresenceError): void;
}

// Three minutes, as in the Conversations SDK, or a quarter of a shorter life.
const LEAD_MS = 180_000;
const LEAD_PART = 4;

/** The access token in use. A provider is asked for the next one before it expires, and when the server rejects it. */
export class TokenSource {
  #token: AccessToken | undefined;
  readonly #provider: TokenProvider | undefined;
  #isExpired = false;
  #asking: Promise<void> | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #waiting: (() => void)[] = [];
  #stopped = false;

  /** @param given A token, a provider, or undefined for a server that requires no credentials. */
  constructor(given: string | TokenProvider | undefined, private readonly events: TokenEvents) {
    if (typeof given === 'function') this.#provider = given;
    else if (given !== undefined) this.#use(given);
  }

  get canRenew(): boolean {
    return this.#provider !== undefined;
  }

  /** The token in use, without asking for one. */
  get text(): string | undefined {
    return this.#token?.text;
  }

  /** The token in use. Asks the provider for the first one, and throws PresenceError if it fails. */
  async current(): Promise<AccessToken | undefined> {
    if (this.#token === undefined && this.#provider !== undefined) await this.#ask(this.#provider);
    return this.#token;
  }

  /** Replaces the token. */
  update(text: string): void {
    this.#use(text);
    this.events.renewed();
  }

  /** Returns once another token than the rejected one is in use. Throws PresenceError if the provider fails. */
  async replace(rejected: string | undefined): Promise<void> {
    if (this.#stopped || this.#token?.text !== rejected) return;
    if (this.#provider !== undefined) {
      await this.#ask(this.#provider);
      return;
    }
    this.#expire();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
    this.#wakeWaiting();
  }

  // Calls that need a token at the same time share one question to the provider.
  #ask(provider: TokenProvider): Promise<void> {
    return this.#asking ??= this.#askOnce(provider).finally(() => { this.#asking = undefined; });
  }

  async #askOnce(provider: TokenProvider): Promise<void> {
    const before = this.#token?.text;
    let text: string;
    try {
      text = await provider();
    } catch (cause) {
      throw new PresenceError('TOKEN_PROVIDER_FAILED', 'The token provider failed.', { cause });
    }
    if (typeof text !== 'string') throw new PresenceError('TOKEN_PROVIDER_FAILED', 'The token provider did not return a text.');
    if (text === before) throw new PresenceError('TOKEN_PROVIDER_FAILED', 'The token provider returned the same token again.');
    if (this.#stopped) return;
    this.#use(text);
    if (before !== undefined) this.events.renewed();
  }

  #use(text: string): void {
    this.#token = readAccessToken(text);
    this.#isExpired = false;
    this.#clear();
    this.#wakeWaiting();
    const { remainingMs } = this.#token;
    if (remainingMs === undefined || this.#stopped) return;
    this.#at(remainingMs - Math.min(LEAD_MS, remainingMs / LEAD_PART), () => void this.#renew(new Backoff()));
    this.#at(remainingMs, () => this.#expire());
  }

  async #renew(backoff: Backoff): Promise<void> {
    if (this.#provider === undefined) {
      this.events.aboutToExpire();
      return;
    }
    try {
      await this.#ask(this.#provider);
    } catch (error) {
      if (this.#stopped) return;
      // The page may have another way to a token, so it learns of the expiry too.
      if (backoff.failures === 0) this.events.aboutToExpire();
      this.events.failed(error as PresenceError);
      this.#at(backoff.next(), () => void this.#renew(backoff));
    }
  }

  // The clocks differ, so the server may say it before the timer does.
  #expire(): void {
    if (this.#isExpired) return;
    this.#isExpired = true;
    this.events.expired();
  }

  #at(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, ms));
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
