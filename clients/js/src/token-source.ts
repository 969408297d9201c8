import { type AccessToken, readAccessToken } from './access-token.js';
import { Backoff } from './backoff.js';
import { Stopwatch, after } from './clock.js';
import { PresenceError } from './presence-error.js';
import { Run } from './run.js';

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

// The shortest time from one call of the provider to the next one that renews. Tokens that live for seconds, or seem to on a wrong clock,
// would otherwise load the back end of the page without a pause.
const PAUSE_MS = 10_000;

// A provider that never answers would otherwise keep the client from asking again.
const PATIENCE_MS = 30_000;

/** The access token in use. A provider is asked for the next one before it expires, and when the server rejects it. */
export class TokenSource {
  #token: AccessToken | undefined;
  // The user of all tokens.
  #identity: string | undefined;
  readonly #provider: TokenProvider | undefined;
  readonly #run = new Run();
  // The pauses after a failure that need not be waited for.
  readonly #retries = new Run();
  #isExpired = false;
  #isRenewing = true;
  #asking: Promise<void> | undefined;
  // Whether that question ends only with another token, and whether its last answer was the same one.
  #isRenewal = false;
  #isRepeated = false;
  // When the provider returned a token last, and whether it was asked for that one soon after the one before.
  #answered: Stopwatch | undefined;
  #isSecond = false;
  #cancels: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  /** @param given A token, a provider, or undefined for a server that requires no credentials. */
  constructor(given: string | TokenProvider | undefined, private readonly events: TokenEvents) {
    if (typeof given === 'function') this.#provider = given;
    else if (given != null) this.#use(given);
  }

  get canRenew(): boolean {
    return this.#provider !== undefined;
  }

  /** The token in use, without asking for one. */
  get text(): string | undefined {
    return this.#token?.text;
  }

  /** The token in use. Waits for the first one of the provider. Undefined where there are no tokens, or after `stop`. */
  async current(): Promise<AccessToken | undefined> {
    if (this.#token === undefined && this.#provider !== undefined) await this.#ask(this.#provider);
    return this.#token;
  }

  /**
   * The user to whom all tokens belong: the one that the first token names, or else the given one. Waits for the first token of the
   * provider.
   */
  async identify(otherwise: string | undefined): Promise<string | undefined> {
    await this.current();
    return this.#identity ??= otherwise;
  }

  /**
   * Replaces the token, also while the provider is asked for one.
   * @throws PresenceError if it is the token of another user.
   */
  update(text: string): void {
    this.#requireSameUser(text);
    this.#use(text);
    this.events.renewed();
  }

  /**
   * Returns once another token than the rejected one is in use; once the provider has returned the same one again, which may be valid by
   * then; or after `stop`.
   */
  async replace(rejected: string | undefined): Promise<void> {
    if (this.#run.isOver || this.#token?.text !== rejected) return;
    const answer = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#provider === undefined) this.#expire();
    else void this.#ask(this.#provider);
    await answer;
  }

  /** Asks again at once, if the provider failed and calls wait: the network is another one, or the page is shown. */
  retry(): void {
    this.#retries.wake();
  }

  /** Does not ask before the token expires any more. A call can still get a token of the provider. */
  stopRenewing(): void {
    this.#isRenewing = false;
    this.#cancel();
    this.#wakeWaiting();
  }

  /** Asks for no token any more. Calls get the one in use. */
  stop(): void {
    this.stopRenewing();
    this.#run.end();
    this.#retries.end();
  }

  // Calls that need a token at the same time share one question to the provider.
  #ask(provider: TokenProvider, isRenewal = false): Promise<void> {
    this.#isRenewal ||= isRenewal;
    return this.#asking ??= this.#keepAsking(provider).finally(() => {
      this.#asking = undefined;
      this.#isRenewal = this.#isRepeated = false;
      this.#wakeWaiting();
    });
  }

  async #keepAsking(provider: TokenProvider): Promise<void> {
    const before = this.#token;
    const isDone = () => this.#run.isOver || this.#token !== before || (this.#isRepeated && !this.#isRenewal);
    await this.#pauseBetweenAnswers();
    const backoff = new Backoff();
    while (!isDone()) {
      const asked = new Stopwatch();
      try {
        await this.#askOnce(provider, before);
      } catch (error) {
        // The page may have another way to a token, so it learns of the expiry too.
        if (this.#isRenewal && backoff.failures === 0) this.events.aboutToExpire();
        this.events.failed(error as PresenceError);
        if (isDone()) return;
        if (this.#isRenewal) await this.#run.sleep(Math.max(backoff.next(), PAUSE_MS - asked.elapsedMs));
        else await this.#retries.sleep(backoff.next());
      }
    }
  }

  // The first token may come from a cache of the page, so the next one is asked for at once. It is not worth trying more often: the server
  // rejects, or soon ends, whatever the provider returns.
  async #pauseBetweenAnswers(): Promise<void> {
    const age = this.#answered?.elapsedMs ?? PAUSE_MS;
    if (age < PAUSE_MS && this.#isSecond) await this.#run.sleep(PAUSE_MS - age);
    this.#isSecond = age < PAUSE_MS;
  }

  async #askOnce(provider: TokenProvider, before: AccessToken | undefined): Promise<void> {
    const answer = (async () => this.#accept(await provider(), before))().catch((cause: unknown) => {
      throw cause instanceof PresenceError ? cause : failed('failed', cause);
    });
    answer.catch(() => {}); // an answer that comes too late may be an error
    await Promise.race([answer, this.#run.sleep(PATIENCE_MS)]); // another token, and the end, wake it
    if (!this.#run.isOver && this.#token === before) throw failed(`did not return within ${PATIENCE_MS / 1_000} s`);
  }

  // A late answer is as good as any other, unless there is another token by now.
  #accept(text: unknown, before: AccessToken | undefined): void {
    if (typeof text !== 'string' || text === '') throw failed('did not return a text');
    if (text === before?.text) {
      this.#answered = new Stopwatch();
      this.#isRepeated = this.#isSecond = true;
      this.#wakeWaiting();
      throw failed('returned the same token again');
    }
    if (this.#run.isOver || this.#token !== before) return;
    this.#requireSameUser(text);
    this.#answered = new Stopwatch();
    this.#use(text);
    if (before !== undefined) this.events.renewed();
  }

  // A page whose person has changed would otherwise make its calls in the name of the new one, for the user of the former one.
  #requireSameUser(text: string): void {
    const { identity } = readAccessToken(text);
    if (this.#identity === undefined || identity === undefined || identity === this.#identity) return;
    throw new PresenceError('IDENTITY_MISMATCH', 'The token belongs to another user. Use another client for them.');
  }

  #use(text: string): void {
    this.#token = readAccessToken(text);
    this.#identity ??= this.#token.identity;
    this.#isExpired = false;
    this.#cancel();
    this.#wakeWaiting();
    this.#run.wake();
    this.#retries.wake();
    const { remainingMs } = this.#token;
    if (remainingMs === undefined || !this.#isRenewing) return;
    const lead = Math.min(LEAD_MS, remainingMs / LEAD_PART);
    this.#cancels.push(
      after(this.canRenew ? Math.max(PAUSE_MS, remainingMs - lead) : remainingMs - lead, () => this.#renew()),
      after(remainingMs, () => this.#expire()),
    );
  }

  #renew(): void {
    if (this.#provider !== undefined) void this.#ask(this.#provider, true);
    else this.events.aboutToExpire();
  }

  // The clocks differ, so the server may say it before the timer does.
  #expire(): void {
    if (this.#isExpired) return;
    this.#isExpired = true;
    this.events.expired();
  }

  #cancel(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function failed(what: string, cause?: unknown): PresenceError {
  return new PresenceError('TOKEN_PROVIDER_FAILED', `The token function ${what}.`, { cause });
}
