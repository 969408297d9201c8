import { fromBinary } from '@bufbuild/protobuf';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeartbeatRequestSchema, type WatchUsersResponse, WatchUsersRequestSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import type { User as WireUser } from '../../src/gen/presence/v1/user_pb.js';
import { type UserState, absent, stateOf } from '../../src/user-state.js';
import { headers } from '../support/grpc-web.js';
import { PresenceServer } from '../support/presence-server.js';
import { Recorder, partsOf } from '../support/recorder.js';
import { advance, createWorld } from '../support/world.js';

// All bytes in these tests are those of a server. It answered to the calls that the client makes, and the clock of the tests replays them.
interface Recording {
  readonly serviceSid: string;
  readonly heartbeat: Uint8Array;
  /** The watch of the own user alone, until it has synced. */
  readonly own: Uint8Array;
  /** The answer to a read of the others, before all changes. */
  readonly others: Uint8Array;
  /** The watch of all: a snapshot, and changes. */
  readonly first: Uint8Array;
  /** The watch that resumed: it catches up with further changes, and more follow. */
  readonly resumed: Uint8Array;
  /** What a watch with the token begins with after all changes. */
  readonly answers: ReadonlyMap<string, Uint8Array>;
  /** The states in the end. */
  readonly truth: ReadonlyMap<string, UserState>;
}

const OTHERS = ['bob', 'cay', 'dan', 'eve'];
const ALL = ['ada', ...OTHERS];

let recording: Recording;

beforeAll(async () => {
  const server = await PresenceServer.start();
  try {
    recording = await record(server);
  } finally {
    await server.close();
  }
});
beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

async function record(server: PresenceServer): Promise<Recording> {
  const serviceSid = await server.createService(30, 75);
  const recorder = new Recorder(server.webUrl, serviceSid);
  const rename = (identity: string, friendlyName: string) => server.rename(serviceSid, identity, friendlyName);
  const edit = (identity: string, attributes: string) =>
    server.users.updateUser({ user: { serviceSid, identity, attributes }, updateMask: { paths: ['attributes'] } });
  const heartbeat = await recorder.heartbeat('ada', 'session');
  for (const identity of OTHERS) await server.users.createUser({ serviceSid, identity });
  const own = await recorder.watch(['ada']);
  const others = await recorder.read(OTHERS);

  // No property of a user changes twice, so each reason is to be raised once, wherever a stream is cut.
  const first = await recorder.watch(ALL, '', [
    () => rename('ada', 'Ada'), () => rename('bob', 'Bob'), () => edit('bob', '{"team":"red"}'),
  ]);
  await rename('eve', 'Eve');
  await server.users.deleteUser({ serviceSid, userKey: 'dan' });
  const resumed = await recorder.watch(ALL, tokensOf(first).at(-1), [
    () => server.users.heartbeat({ serviceSid, userKey: 'eve', sessionId: 'session' }),
    () => server.users.deleteUser({ serviceSid, userKey: 'cay' }),
    () => edit('ada', '{"team":"blue"}'),
  ]);

  const answers = new Map<string, Uint8Array>();
  for (const token of new Set(['', ...tokensOf(first), ...tokensOf(resumed)])) answers.set(token, await recorder.watch(ALL, token));
  const { users } = await server.users.batchGetUsers({ serviceSid, userKeys: ALL });
  const truth = new Map((users as unknown as WireUser[]).map((user) => [user.identity, stateOf(user)]));
  return { serviceSid, heartbeat, own, others, first, resumed, answers, truth };
}

function tokensOf(stream: Uint8Array): string[] {
  return partsOf(stream).flatMap(({ message: { resumeToken } }) => (resumeToken === '' ? [] : [resumeToken]));
}

/** Every boundary of messages, and places within the length and the content of each message. */
function cutsOf(stream: Uint8Array): number[] {
  const within = partsOf(stream).flatMap(({ start, end }) => [
    start + 1, start + 4, start + 5, start + 6, (start + 5 + end) >> 1, end - 1, end,
  ]);
  return [0, ...within];
}

type Interruption = 'breaks' | 'ends';

/** The response with these bytes, which is interrupted after them, or goes on in silence until the client aborts it. */
function responseOf(bytes: Uint8Array, interruption?: Interruption, signal?: AbortSignal | null): Response {
  return new Response(new ReadableStream<Uint8Array>({
    start(controller) {
      signal?.addEventListener('abort', () => controller.error(signal.reason));
      if (bytes.length > 0) controller.enqueue(bytes);
      if (interruption === 'breaks') setTimeout(() => controller.error(new TypeError('network error')), 100);
      if (interruption === 'ends') setTimeout(() => controller.close(), 100);
    },
  }), { headers });
}

/**
 * A client of ada at a server that interrupts the first watches of all users after these bytes, and answers to later ones by
 * their token. `token` is that of the last one.
 */
async function replay(streams: Uint8Array[], interruption: Interruption) {
  const { serviceSid, heartbeat, own, others, answers } = recording;
  const tokens: string[] = [];
  const world = createWorld({ serviceSid, transport: createGrpcWebTransport({
    baseUrl: 'https://server.test',
    fetch: async (url, init) => {
      const method = String(url).split('/').at(-1);
      if (method === 'Heartbeat') return responseOf(heartbeat, 'ends');
      if (method === 'BatchGetUsers') return responseOf(others, 'ends');
      const { userKeys, resumeToken } = fromBinary(WatchUsersRequestSchema, (init!.body as Uint8Array).subarray(5));
      if (userKeys.length === 1) return responseOf(own, undefined, init!.signal);
      const stream = streams[tokens.push(resumeToken) - 1];
      return stream ? responseOf(stream, interruption) : responseOf(answers.get(resumeToken)!);
    },
  }) });
  await advance(0.5);
  const read = Promise.all(OTHERS.map((identity) => world.client.getUser(identity)));
  await advance(15);
  const users = [world.client.user, ...await read];
  vi.clearAllTimers();
  return { ...world, users, token: tokens.at(-1)! };
}

/** The states of the end, of all users. */
function expected(users: readonly { readonly state: UserState }[]): UserState[] {
  return users.map(({ state }) => recording.truth.get(state.identity)
    // The profile of a deleted user stays.
    ?? { ...absent(state.identity), attributes: state.attributes, friendlyName: state.friendlyName, revision: state.revision });
}

/** What was raised for each user, in one order. */
function reasonsIn(updates: readonly string[]): Record<string, string[]> {
  const reasons: Record<string, string[]> = {};
  for (const update of updates) {
    const [identity, list] = update.split(': ') as [string, string];
    reasons[identity] = [...(reasons[identity] ?? []), ...list.split(', ')].sort();
  }
  return reasons;
}

function expectExact(updates: readonly string[]): void {
  const { cay, dan, ...others } = reasonsIn(updates);
  expect(others).toEqual({
    ada: ['attributes', 'friendlyName'], bob: ['attributes', 'friendlyName'], eve: ['friendlyName', 'online', 'reachabilityOnline'],
  });
  // A deletion is raised as it is sent, or by all that differs.
  const all = ['deleted', 'online', 'reachabilityNotifiable', 'reachabilityOnline'];
  for (const deleted of [cay, dan]) expect([['deleted'], all]).toContainEqual(deleted);
}

const has = (event: WatchUsersResponse['event']['case']) => ({ message }: { message: WatchUsersResponse }) => message.event.case === event;

describe('Exact', () => {
  it('has streams of all kinds of messages to cut', () => {
    const [first, resumed] = [partsOf(recording.first), partsOf(recording.resumed)];
    for (const event of ['configuration', 'reset', 'updates', 'synced'] as const) {
      expect([event, first.some(has(event))]).toEqual([event, true]);
    }
    expect([resumed.some(has('reset')), resumed.filter(has('updates')).length]).toEqual([false, 4]);
    expect(first.filter(has('updates')).length).toBe(4);
    expect(recording.answers.size).toBe(1 + new Set([...tokensOf(recording.first), ...tokensOf(recording.resumed)]).size);
  });

  it.each<Interruption>(['breaks', 'ends'])('raises each change once, wherever the stream of a server %s', async (interruption) => {
    const resumedFrom = new Set<string>();
    for (const bytes of cutsOf(recording.first)) {
      const { users, seen, token } = await replay([recording.first.subarray(0, bytes)], interruption);
      expect([bytes, seen.states, users.map(({ state }) => state)]).toEqual([bytes, ['initialized'], expected(users)]);
      expectExact(seen.updates);
      resumedFrom.add(token);
    }
    // The cuts reached all cases: before the end of the snapshot, and after it and each of the three changes.
    expect([resumedFrom.size, resumedFrom]).toEqual([5, new Set(['', ...tokensOf(recording.first)])]);
  });

  it.each<Interruption>(['breaks', 'ends'])('raises each change once, wherever the resumed stream of a server %s', async (interruption) => {
    const resumedFrom = new Set<string>();
    for (const bytes of cutsOf(recording.resumed)) {
      const { users, seen, token } = await replay([recording.first, recording.resumed.subarray(0, bytes)], interruption);
      expect([bytes, seen.states, users.map(({ state }) => state)]).toEqual([bytes, ['initialized'], expected(users)]);
      expectExact(seen.updates);
      resumedFrom.add(token);
    }
    // Before the changes that the stream catches up with, and after them and each of those that follow.
    expect(resumedFrom).toEqual(new Set([tokensOf(recording.first).at(-1), ...tokensOf(recording.resumed)]));
  });
});

describe('Online', () => {
  it.each<Interruption>(['breaks', 'ends'])('repeats a heartbeat wherever the answer of a server %s', async (interruption) => {
    const { serviceSid, heartbeat, own } = recording;
    for (let bytes = 0; bytes < heartbeat.length; bytes++) {
      const sessions: string[] = [];
      const { client, seen } = createWorld({ serviceSid, transport: createGrpcWebTransport({
        baseUrl: 'https://server.test',
        fetch: async (url, init) => {
          if (!String(url).endsWith('/Heartbeat')) return responseOf(own);
          sessions.push(fromBinary(HeartbeatRequestSchema, (init!.body as Uint8Array).subarray(5)).sessionId);
          // The first one, and one of a session that lives.
          return sessions.length % 2 === 1 ? responseOf(heartbeat.subarray(0, bytes), interruption) : responseOf(heartbeat, 'ends');
        },
      }) });
      await advance(3);
      expect([bytes, sessions.length, seen.states]).toEqual([bytes, 2, ['initialized']]);
      await advance(33);
      expect([bytes, sessions.length, new Set(sessions).size, client.connectionState]).toEqual([bytes, 4, 1, 'connected']);
      vi.clearAllTimers();
    }
  });
});
