import { Api, DEADLINE_MS } from './api.js';
import { checkOptions } from './check-options.js';
import { after } from './clock.js';
import { Emitter } from './emitter.js';
import { endSessionOnLeave } from './end-session.js';
import type { ClientEvents } from './events.js';
import { type Failure, classify } from './failure.js';
import { IDENTITY_FORM, isIdentity } from './identity.js';
import type { ClientOptions } from './options.js';
import { page } from './page.js';
import { PresenceError } from './presence-error.js';
import { Recovery } from './recovery.js';
import { Run } from './run.js';
import { Session } from './session.js';
import { Subscriptions } from './subscriptions.js';
import { TokenSource } from './token-source.js';
import type { Connection } from './transport/connection.js';
import { UserFetcher } from './user-fetcher.js';
import { absent } from './user-state.js';
import type { User } from './user.js';
import { type ConnectionState, Watch } from './watch.js';
import { connect } from '#transport';

/**
 * Keeps its own user online and knows who else is: the surface of the Conversations SDK, as far as it is about reachability. It connects
 * when it is made. Everything that can be repeated is repeated, until `shutdown` or an error that no repetition mends.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions;
  readonly #connection: Connection;
  readonly #tokens: TokenSource;
  readonly #api: Api;
  readonly #run = new Run();
  readonly #fetcher: UserFetcher;
  readonly #leavePage: () => void;
  readonly #ready: Promise<Subscriptions>;
  #becomeReady!: (users: Subscriptions) => void;
  #rejectReady!: (error: PresenceError) => void;
  #identity: string | undefined;
  #subscriptions: Subscriptions | undefined;
  #session: Session | undefined;
  #watch: Watch | undefined;
  #isInitialized = false;
  // The tokens in a row that the server rejected for what they are, before one was accepted.
  #rejectedTokens = 0;
  // Between pagehide and pageshow.
  #isAway = false;
  // Why the client stopped, which session it ends, and when all of it has ended.
  #end: PresenceError | undefined;
  #ending: string | undefined;
  #stopped: Promise<void> | undefined;
  #connectionState: ConnectionState = 'connecting';
  #reachabilityEnabled = false;

  /** @throws TypeError that names each option that is missing or of another form. */
  constructor(options: ClientOptions) {
    super();
    checkOptions(options);
    this.#options = { ...options };
    this.#connection = options.transport ? { transport: options.transport, reset() {}, close() {} } : connect(options.url);
    this.#tokens = new TokenSource(options.token, {
      renewed: () => this.#watch?.reopen(),
      aboutToExpire: () => this.#raise('tokenAboutToExpire'),
      expired: () => this.#raise('tokenExpired'),
      failed: ({ reason, message }) => this.#raise('connectionError', { terminal: false, reason, message }),
    });
    this.#api = new Api(this.#connection.transport, options.serviceSid, this.#tokens);
    this.#fetcher = new UserFetcher(this.#api, this.#tokens, this.#run, {
      failed: ({ action, reason, message }) => {
        // A final error is that of the one call.
        if (action !== 'stop') this.#raise('connectionError', { terminal: false, reason, message });
      },
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#rejectReady = reject;
    });
    this.#ready.catch(() => {}); // a caller that waits for it gets the error
    this.#leavePage = page.listen({
      visibilityChanged: () => this.#reconsider(),
      resumed: () => this.#reconsider(),
      left: () => this.#leave(),
      restored: () => this.#return(),
      online: () => this.#reconnect(),
    });
    void this.#start();
  }

  /** Whether the service instance records and sends reachability. False before the client is initialized. */
  get reachabilityEnabled(): boolean { return this.#reachabilityEnabled; }

  get connectionState(): ConnectionState { return this.#connectionState; }

  /** The client's own user. Throws PresenceError before the client is initialized. */
  get user(): User {
    const own = this.#subscriptions?.own;
    if (!own) throw new PresenceError('NOT_INITIALIZED', 'The client is not initialized yet. Wait for stateChanged with "initialized".');
    return own;
  }

  /**
   * Returns the user with this identity, and subscribes to its changes. Waits while the server cannot be reached.
   * @param options With `mayBeMissing`, also an identity that has no user yet: `sid` is empty, and `isOnline` null, until the user is
   * created. Usually that is when they first come online.
   * @throws PresenceError, with USER_NOT_FOUND if no user has the identity, and TOO_MANY_USERS when 1,000 users are subscribed.
   */
  async getUser(identity: string, { mayBeMissing = false } = {}): Promise<User> {
    if (!isIdentity(identity)) throw new TypeError(`An identity is ${IDENTITY_FORM}.`);
    const users = await this.#ready;
    if (this.#end) throw this.#end;
    const known = users.find(identity);
    if (known) return known;
    const state = await this.#fetcher.fetch(identity).catch((error: PresenceError) => {
      if (mayBeMissing && error.reason === 'USER_NOT_FOUND') return absent(identity);
      throw this.#end ?? error;
    });
    if (this.#end) throw this.#end; // the answer came before the end
    return users.find(identity) ?? users.add(state);
  }

  /** The users whose changes the client receives, its own user first. */
  async getSubscribedUsers(): Promise<User[]> {
    return (await this.#ready).users;
  }

  /**
   * Uses another access token from now on. Calls that wait for one go on at once.
   * @throws PresenceError if it is the token of another user; TypeError if it is not a text, or one must not be sent to `url`.
   */
  async updateToken(token: string): Promise<void> {
    if (typeof token !== 'string' || token === '') throw new TypeError('An access token is a text.');
    checkOptions({ ...this.#options, token }); // the client may have begun without a token
    this.#tokens.update(token);
    this.#run.wake();
    this.#session?.tokenReplaced();
    this.#watch?.tokenReplaced();
  }

  /**
   * Ends the session of the own user, and everything else. Resolves when the server has answered, or did not answer for 10 s. Each call
   * returns the same promise.
   */
  shutdown(): Promise<void> {
    if (this.#stopped) return this.#stopped;
    const stopped = this.#stop(new PresenceError('CLIENT_STOPPED', 'The client was shut down.')).then(() => this.#moveTo('disconnected'));
    this.#stopped = stopped;
    this.#moveTo('disconnecting');
    return stopped;
  }

  async #start(): Promise<void> {
    const identity = await this.#findIdentity();
    if (identity === undefined) return;
    this.#identity = identity;
    const subscriptions = this.#subscriptions = new Subscriptions(identity, {
      isOver: () => this.#run.isOver,
      updated: (update) => this.#raise('userUpdated', update),
      subscribed: (user) => this.#raise('userSubscribed', user),
      unsubscribed: (user) => this.#raise('userUnsubscribed', user),
      changed: () => this.#watch?.usersChanged(),
    });
    const watch = this.#watch = new Watch({
      api: this.#api,
      tokens: this.#tokens,
      recovery: this.#recovery(),
      subscriptions,
      configured: ({ reachabilityEnabled }) => { this.#reachabilityEnabled = reachabilityEnabled; },
      stateChanged: (state) => { if (!this.#run.isOver) this.#moveTo(state); },
      synced: () => this.#initialize(subscriptions),
      silent: () => this.#connection.reset(),
    });
    this.#session = new Session({
      api: this.#api,
      tokens: this.#tokens,
      recovery: this.#recovery(),
      identity,
      isHidden: () => page.isHidden,
      // The first heartbeat creates the own user, which the snapshot then contains.
      beaten: () => watch.start(),
    });
    if (!this.#isAway) this.#session.start();
  }

  async #findIdentity(): Promise<string | undefined> {
    const identity = await this.#tokens.identify(this.#options.identity);
    if (this.#run.isOver) return undefined;
    if (identity === undefined) {
      this.#fail(new PresenceError('IDENTITY_REQUIRED', 'Pass an access token that names the user, or the option identity.'));
    }
    return identity;
  }

  #initialize(subscriptions: Subscriptions): void {
    if (this.#isInitialized) return;
    this.#isInitialized = true;
    this.#becomeReady(subscriptions);
    this.#raise('stateChanged', 'initialized');
    this.#raise('initialized');
  }

  #recovery(): Recovery {
    return new Recovery(this.#tokens, { failed: (failure) => this.#report(failure) });
  }

  #report({ action, reason, message, cause }: Failure): void {
    const isFinal = action === 'stop' || (action === 'renewToken' && !this.#mayGetToken(reason));
    this.#raise('connectionError', { terminal: isFinal, reason, message });
    if (isFinal) this.#fail(new PresenceError(reason, message, { cause }));
  }

  // A token that was never valid, and that the page passed as it is, will not be replaced by a better one. A function may have returned one
  // that it kept for too long. But if the next one is rejected too, the page or its back end is wrong, and has to hear of it. Once a token
  // was accepted, the back end may be about to change its key.
  #mayGetToken(reason: string): boolean {
    if (this.#isInitialized || reason === 'ACCESS_TOKEN_EXPIRED') return true;
    return ++this.#rejectedTokens < (this.#tokens.canRenew ? 2 : 1);
  }

  #fail(error: PresenceError): void {
    if (this.#run.isOver) return;
    void this.#stop(error);
    this.#moveTo('denied');
    if (this.#isInitialized) return;
    this.emit('stateChanged', 'failed');
    this.emit('initFailed', { error });
  }

  // Raises nothing, so that a listener cannot stop the client a second time.
  #stop(reason: PresenceError): Promise<void> {
    this.#end = reason;
    this.#run.end();
    this.dropWaiting();
    this.#watch?.stop();
    this.#rejectReady(reason);
    this.#ending = this.#session?.stop();
    this.#tokens.stopRenewing();
    return this.#stopped = this.#finish();
  }

  // The end of the session needs a token and the connection, so these end last. The page may be left meanwhile.
  async #finish(): Promise<void> {
    let cancel = () => {};
    await Promise.race([this.#endSession(), new Promise<void>((resolve) => { cancel = after(DEADLINE_MS, resolve); })]);
    cancel();
    this.#leavePage();
    this.#tokens.stop();
    this.#connection.close();
  }

  // If it fails, the lease ends the session.
  async #endSession(): Promise<void> {
    if (this.#ending === undefined || this.#identity === undefined) return;
    const token = this.#tokens.text;
    try {
      await this.#api.endSession(this.#identity, this.#ending);
    } catch (error) {
      if (classify(error).action !== 'renewToken' || !this.#tokens.canRenew) return;
      await this.#tokens.replace(token);
      if (this.#tokens.text !== token) await this.#api.endSession(this.#identity, this.#ending).catch(() => {});
    }
  }

  /** The page was hidden, shown, or thawed. */
  #reconsider(): void {
    this.#session?.reconsider();
    if (page.isHidden) return;
    this.#retry();
    this.#watch?.reconsider();
  }

  /** The network is another one. */
  #reconnect(): void {
    this.#retry();
    this.#session?.beatNow();
    this.#watch?.reconnect();
  }

  /** Ends the pauses before what does not wait for a heartbeat or the watch: reads of users, and the first token. */
  #retry(): void {
    this.#run.wake();
    this.#tokens.retry();
  }

  #leave(): void {
    this.#isAway = true;
    this.#watch?.stop();
    // A session that is being ended is ended again, because the browser cancels the first call.
    const sessionId = this.#session?.stop() ?? this.#ending;
    if (sessionId !== undefined && this.#identity !== undefined) {
      endSessionOnLeave(this.#options.url, { serviceSid: this.#options.serviceSid, userKey: this.#identity, sessionId }, this.#tokens.text);
    }
    if (!this.#run.isOver) this.#moveTo('disconnected');
  }

  #return(): void {
    if (!this.#isAway || this.#run.isOver) return;
    this.#isAway = false;
    this.#retry();
    this.#session?.start();
    this.#moveTo('connecting');
  }

  /** Raises an event of a client that runs: after its end, nothing happens to it any more. */
  #raise<K extends keyof ClientEvents>(event: K, ...values: Parameters<ClientEvents[K]>): void {
    if (!this.#run.isOver) this.emit(event, ...values);
  }

  #moveTo(state: ConnectionState): void {
    if (this.#connectionState === state) return;
    this.#connectionState = state;
    this.emit('connectionStateChanged', state);
  }
}
