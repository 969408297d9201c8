import { type CallOptions, type Client as WireClient, type Transport, createClient } from '@connectrpc/connect';
import type { TokenSource } from './token-source.js';
import { type UserState, stateOf } from './user-state.js';
import { type HeartbeatResponse, UserService, type WatchUsersResponse } from './wire.js';

/** No unary call takes longer, except on a connection that is lost. */
export const DEADLINE_MS = 10_000;

/** The calls that the client makes, each with the access token of the moment. */
export class Api {
  readonly #users: WireClient<typeof UserService>;

  constructor(transport: Transport, private readonly serviceSid: string, private readonly tokens: TokenSource) {
    this.#users = createClient(UserService, transport);
  }

  async heartbeat(userKey: string, sessionId: string, signal: AbortSignal): Promise<HeartbeatResponse> {
    return this.#users.heartbeat({ serviceSid: this.serviceSid, userKey, sessionId }, await this.#options(signal, DEADLINE_MS));
  }

  async endSession(userKey: string, sessionId: string): Promise<void> {
    await this.#users.endSession({ serviceSid: this.serviceSid, userKey, sessionId }, await this.#options(undefined, DEADLINE_MS));
  }

  /** The users that exist, of at most 500. */
  async read(userKeys: string[], signal: AbortSignal): Promise<UserState[]> {
    const { users } = await this.#users.batchGetUsers({ serviceSid: this.serviceSid, userKeys }, await this.#options(signal, DEADLINE_MS));
    return users.map(stateOf);
  }

  async* watch(userKeys: string[], resumeToken: string, signal: AbortSignal): AsyncGenerator<WatchUsersResponse> {
    yield* this.#users.watchUsers({ serviceSid: this.serviceSid, userKeys, resumeToken }, await this.#options(signal));
  }

  async #options(signal?: AbortSignal, timeoutMs?: number): Promise<CallOptions> {
    const token = await this.tokens.current();
    return {
      ...(token && { headers: { authorization: `Bearer ${token.text}` } }),
      ...(signal && { signal }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
  }
}
