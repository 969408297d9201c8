import { fromBinary } from '@bufbuild/protobuf';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { HeartbeatResponseSchema, WatchUsersRequestSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { type Message, answer, frames, headers } from '../support/grpc-web.js';
import { advance, createWorld, user } from '../support/world.js';

const { ATTRIBUTES, CREATED, DELETED, FRIENDLY_NAME, REACHABILITY_NOTIFIABLE, REACHABILITY_ONLINE, ROLE } = UpdateReason;

// The own user changes twice while it is watched, and more often in a resumed watch.
const first = user('ada', { isOnline: true, isNotifiable: false });
const second = user('ada', { isOnline: true, isNotifiable: true, revision: 20n });
const third = user('ada', { isOnline: true, isNotifiable: true, friendlyName: 'Ada', revision: 21n });

const configuration: Message = { event: { case: 'configuration', value: { reachabilityEnabled: true } } };
const reset: Message = { event: { case: 'reset', value: {} } };
const synced = (resumeToken: string): Message => ({ event: { case: 'synced', value: {} }, resumeToken });
const update = (after: typeof first, updateReasons: UpdateReason[] = [], resumeToken = ''): Message =>
  ({ event: { case: 'updates', value: { updates: [{ user: after, updateReasons }] } }, resumeToken });

const recorded = frames([
  configuration, reset, update(user('somebody-else')), update(first), synced('1'),
  update(second, [REACHABILITY_NOTIFIABLE], '2'), update(third, [FRIENDLY_NAME], '3'),
]);

/** What the server sends to a client that watches again after all changes. */
const resumed: Record<string, Message[]> = {
  '': [configuration, reset, update(third), synced('4')],
  1: [configuration, update(third, [FRIENDLY_NAME, REACHABILITY_NOTIFIABLE], '3'), synced('4')],
  2: [configuration, update(third, [FRIENDLY_NAME], '3'), synced('4')],
  3: [configuration, synced('4')],
};

// What a resumed watch catches up with and then sees: the own user changes several times, or is deleted and created again. A reset
// follows. Every property changes once, so that each reason must be raised once, wherever the stream is cut.
const ada = (fields: Parameters<typeof user>[1]) => user('ada', { isOnline: true, isNotifiable: false, ...fields });
const named = ada({ friendlyName: 'Ada', revision: 20n });
const withRole = ada({ friendlyName: 'Ada', roleSid: 'RL2', revision: 21n });
const notifiable = ada({ friendlyName: 'Ada', roleSid: 'RL2', isNotifiable: true, revision: 22n });
const offline = ada({ friendlyName: 'Ada', roleSid: 'RL2', isNotifiable: true, isOnline: false, revision: 23n });
const created = ada({ sid: 'US-other', friendlyName: 'Ada', roleSid: 'RL2', isNotifiable: true, isOnline: false, revision: 25n });
const final = { ...created, attributes: '{"a":1}', revision: 26n };

const recordedBefore = frames([configuration, reset, update(first), synced('1')]);
const recordedResumed = frames([
  configuration, update(named, [FRIENDLY_NAME], '2'), update(withRole, [ROLE], '3'), synced('4'),
  update(notifiable, [REACHABILITY_NOTIFIABLE], '5'), update(offline, [REACHABILITY_ONLINE], '6'),
  configuration, reset, update(offline), synced('7'),
]);
const recordedDeletion = frames([
  configuration, update(ada({ revision: 24n }), [DELETED], '2'), update(created, [CREATED, REACHABILITY_NOTIFIABLE], '3'), synced('4'),
  update(final, [ATTRIBUTES], '5'), configuration, reset, update(final), synced('6'),
]);

const changes: [typeof first, UpdateReason[]][] = [
  [named, [FRIENDLY_NAME]], [withRole, [ROLE]], [notifiable, [REACHABILITY_NOTIFIABLE]], [offline, [REACHABILITY_ONLINE]],
];
/** How many of the changes a watch with the token has received. */
const received: Record<string, number> = { '': 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 6: 4, 7: 4 };

/** What the server sends to a client that watches again after all changes. */
function answerToResumed(resumeToken: string): Message[] {
  const missed = changes.slice(received[resumeToken]!).flatMap(([, reasons]) => reasons);
  if (resumeToken === '') return [configuration, reset, update(offline), synced('8')];
  return [configuration, ...(missed.length > 0 ? [update(offline, missed)] : []), synced('8')];
}

function answerToDeletion(resumeToken: string): Message[] {
  const missed: Record<string, Message[]> = {
    '': [reset, update(final)],
    1: [update(ada({ revision: 24n }), [DELETED]), update(final, [CREATED, ATTRIBUTES, REACHABILITY_NOTIFIABLE])],
    2: [update(final, [CREATED, ATTRIBUTES, REACHABILITY_NOTIFIABLE])],
    3: [update(final, [ATTRIBUTES])],
    4: [update(final, [ATTRIBUTES])],
  };
  return [configuration, ...(missed[resumeToken] ?? []), synced('8')];
}

/** A server that sends these bytes to the first watches, each in two pieces, and then breaks them. It answers the next one by its token. */
function serverOf(streams: Uint8Array[], answerOf: (resumeToken: string) => Message[]): typeof fetch {
  let watches = 0;
  return async (url, init) => {
    if (String(url).endsWith('/Heartbeat')) {
      return answer(HeartbeatResponseSchema, { heartbeatInterval: { seconds: 30n } });
    }
    const { resumeToken } = fromBinary(WatchUsersRequestSchema, (init!.body as Uint8Array).subarray(5));
    const cut = streams[watches++];
    const isCut = cut !== undefined;
    const pieces = isCut ? [cut.subarray(0, cut.length >> 1), cut.subarray(cut.length >> 1)] : [frames(answerOf(resumeToken))];
    return new Response(new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        if (isCut) setTimeout(() => controller.error(new TypeError('network error')), 1_000);
      },
    }), { headers });
  };
}

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

describe('Exact', () => {
  it.each([
    ['resumes', true],
    ['resets', false],
  ])('raises each change once, at whatever byte the stream is cut, if the server %s the watch', async (_, acceptsTokens) => {
    const seenUpdates = new Set<string>();
    for (let bytes = 0; bytes <= recorded.length; bytes++) {
      const fetch = serverOf([recorded.subarray(0, bytes)], (token) => resumed[acceptsTokens ? token : '']!);
      const { client, seen } = createWorld({ transport: createGrpcWebTransport({ baseUrl: 'http://server.test', fetch }) });
      await advance(0.5);
      const knewTheFirst = seen.states.length > 0;
      await advance(4);
      expect([bytes, seen.states, client.user.isNotifiable, client.user.friendlyName]).toEqual([bytes, ['initialized'], true, 'Ada']);
      const raised = seen.updates.flatMap((each) => each.replace('ada: ', '').split(', ')).sort();
      expect([bytes, raised]).toEqual([bytes, knewTheFirst ? ['friendlyName', 'reachabilityNotifiable'] : []]);
      seenUpdates.add(seen.updates.join('; '));
      vi.clearAllTimers();
    }
    // The cuts reached all cases: before the first state, between the changes, and after them.
    expect([...seenUpdates]).toEqual([
      '', 'ada: friendlyName, reachabilityNotifiable', 'ada: reachabilityNotifiable; ada: friendlyName',
    ]);
  });

  it('raises each change once, at whatever byte a resumed stream is cut', async () => {
    const seenUpdates = new Set<string>();
    for (let bytes = 0; bytes <= recordedResumed.length; bytes++) {
      const fetch = serverOf([recordedBefore, recordedResumed.subarray(0, bytes)], answerToResumed);
      const { client, seen } = createWorld({ transport: createGrpcWebTransport({ baseUrl: 'http://server.test', fetch }) });
      await advance(10);
      const { user: own } = client;
      expect([bytes, seen.states, own.friendlyName, own.isNotifiable, own.isOnline]).toEqual([bytes, ['initialized'], 'Ada', true, false]);
      const raised = seen.updates.flatMap((each) => each.replace('ada: ', '').split(', ')).sort();
      expect([bytes, raised]).toEqual([bytes, ['friendlyName', 'online', 'reachabilityNotifiable', 'reachabilityOnline', 'role']]);
      seenUpdates.add(seen.updates.join('; '));
      vi.clearAllTimers();
    }
    // The cuts reached all cases: the next stream joins what the cut one did not bring.
    const [online, isNotifiable] = ['reachabilityOnline, online', 'reachabilityNotifiable'];
    expect([...seenUpdates]).toEqual([
      `ada: friendlyName, role, ${online}, ${isNotifiable}`,
      `ada: friendlyName; ada: role, ${online}, ${isNotifiable}`,
      `ada: friendlyName; ada: role; ada: ${online}, ${isNotifiable}`,
      `ada: friendlyName; ada: role; ada: ${isNotifiable}; ada: ${online}`,
    ]);
  });

  it('raises a deletion and a creation once, at whatever byte a resumed stream is cut', async () => {
    const seenUpdates = new Set<string>();
    for (let bytes = 0; bytes <= recordedDeletion.length; bytes++) {
      const fetch = serverOf([recordedBefore, recordedDeletion.subarray(0, bytes)], answerToDeletion);
      const { client, seen } = createWorld({ transport: createGrpcWebTransport({ baseUrl: 'http://server.test', fetch }) });
      await advance(10);
      expect([bytes, seen.states, client.user.sid, client.user.attributes]).toEqual([bytes, ['initialized'], 'US-other', { a: 1 }]);
      const raised = seen.updates.flatMap((each) => each.replace('ada: ', '').split(', '));
      for (const reason of ['created', 'attributes', 'friendlyName', 'role', 'deleted']) {
        const times = raised.filter((each) => each === reason).length;
        expect([bytes, reason, seen.updates, times <= 1]).toEqual([bytes, reason, seen.updates, true]);
      }
      expect([bytes, raised.includes('created'), raised.includes('attributes')]).toEqual([bytes, true, true]);
      seenUpdates.add(seen.updates.join('; '));
      vi.clearAllTimers();
    }
    const deletion = 'ada: deleted, reachabilityOnline, online, reachabilityNotifiable';
    expect([...seenUpdates]).toEqual([
      `${deletion}; ada: created, friendlyName, attributes, role, reachabilityOnline, online, reachabilityNotifiable`,
      `${deletion}; ada: created, friendlyName, role, reachabilityOnline, online, reachabilityNotifiable; ada: attributes`,
    ]);
  });
});
