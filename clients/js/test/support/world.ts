import { vi } from 'vitest';
import { Client, type ClientOptions, type ConnectionState, type UserUpdate } from '../../src/index.js';
import { FakeServer, SERVICE_SID, type UserInit } from './fake-server.js';

/** What the client raised, in its order. */
export interface Seen {
  readonly states: string[];
  readonly connectionStates: ConnectionState[];
  /** Each as "bob: online, friendlyName". */
  readonly updates: string[];
  readonly errors: string[];
  readonly others: string[];
}

export interface World {
  readonly server: FakeServer;
  readonly client: Client;
  readonly seen: Seen;
}

export const ada: UserInit = user('ada', { isOnline: true });

export function user(identity: string, fields: Partial<UserInit> = {}): UserInit {
  return { sid: `US-${identity}`, serviceSid: SERVICE_SID, attributes: '{}', revision: 10n, ...fields, identity } as UserInit;
}

/** A client of "ada" on a fake server. The test has called vi.useFakeTimers(). */
export function createWorld(options: Partial<ClientOptions> = {}, server = new FakeServer()): World {
  if (!server.users.has('ada')) server.users.set('ada', ada);
  const client = new Client({
    url: 'https://server.test',
    serviceSid: SERVICE_SID,
    transport: server.transport,
    ...('token' in options ? {} : { identity: 'ada' }),
    ...options,
  });
  const seen: Seen = { states: [], connectionStates: [], updates: [], errors: [], others: [] };
  client.on('stateChanged', (state) => seen.states.push(state));
  client.on('connectionStateChanged', (state) => seen.connectionStates.push(state));
  client.on('userUpdated', (update) => seen.updates.push(textOf(update)));
  client.on('connectionError', ({ reason, terminal }) => seen.errors.push(terminal ? `${reason} (terminal)` : reason));
  client.on('userSubscribed', ({ identity }) => seen.others.push(`subscribed ${identity}`));
  client.on('userUnsubscribed', ({ identity }) => seen.others.push(`unsubscribed ${identity}`));
  client.on('tokenAboutToExpire', () => seen.others.push('tokenAboutToExpire'));
  client.on('tokenExpired', () => seen.others.push('tokenExpired'));
  return { server, client, seen };
}

/** The same, when it is initialized. */
export async function startWorld(options: Partial<ClientOptions> = {}, server = new FakeServer()): Promise<World> {
  const world = createWorld(options, server);
  await settle();
  if (world.seen.states[0] !== 'initialized') throw new Error(`the client is not initialized, but ${JSON.stringify(world.seen)}`);
  return world;
}

export function textOf({ user: { identity }, updateReasons }: UserUpdate): string {
  return `${identity}: ${updateReasons.join(', ')}`;
}

/** Runs everything that does not wait for the clock. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** Advances the clock, and runs everything that is due. */
export async function advance(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1_000);
}

/** An access token as a back end signs it, from its claims. The client does not check the signature. */
export function accessToken(
  identity: string, { lifetime = 3_600, iat = Math.floor(Date.now() / 1_000), jti = '', hasIat = true } = {},
): string {
  return [
    { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
    { jti, iss: 'SK', ...(hasIat && { iat }), exp: iat + lifetime, grants: { identity, chat: { service_sid: SERVICE_SID } } },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + '.c2lnbmF0dXJl';
}
