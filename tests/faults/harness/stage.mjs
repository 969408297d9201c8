// The common start of scenarios: a service instance with reachability on, users, and heartbeats for many of them.
import { Reader, call } from '../../clients/node/presence.mjs';

const PAGE = 500;
const BEATS = 1_000;

// Creates a service instance; `configuration` contains the settings that differ from the defaults.
export async function newService(client, configuration = {}) {
  const { serviceInstance } = await call(client.configuration, 'createServiceInstance', { friendlyName: 'faults' });
  const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const paths = ['reachability_enabled', ...Object.keys(configuration).map(snakeCase)];
  await call(client.configuration, 'updateConfiguration', {
    configuration: { serviceSid: serviceInstance.sid, reachabilityEnabled: true, ...configuration },
    updateMask: { paths },
  });
  return serviceInstance.sid;
}

// Settings for scenarios in which leases expire: short, but long enough for clients that a loaded machine delays by two seconds.
export const briefLeases = { heartbeatInterval: { seconds: 2 }, sessionTimeout: { seconds: 4 }, offlineDebounce: { seconds: 0 } };

// A heartbeat stream for any number of users, with one session per user.
export class Beater {
  constructor(users, serviceSid, { endSessionsOnClose = false } = {}) {
    this.stream = users.streamHeartbeats();
    this.replies = new Reader(this.stream);
    this.ended = new Promise((resolve) => { this.stream.on('status', resolve); });
    this.stream.write({ start: { serviceSid, endSessionsOnClose } });
    this.started = this.replies.next('reply to start');
  }

  // Sends heartbeats for all users, and returns when all changes are stored.
  async beat(identities, sessionOf = sessionOfUser) {
    await this.#send('beats', identities, sessionOf);
  }

  // Ends their sessions, and returns when all changes are stored.
  async endSessions(identities, sessionOf = sessionOfUser) {
    await this.#send('ends', identities, sessionOf);
  }

  async #send(what, identities, sessionOf) {
    await this.started;
    for (let at = 0; at < identities.length; at += BEATS) {
      const entries = identities.slice(at, at + BEATS).map((identity) => ({ userKey: identity, sessionId: sessionOf(identity) }));
      this.stream.write({ [what]: { [what]: entries } });
      const reply = await this.replies.next(`reply to ${entries.length} ${what}`);
      if (reply.accepted !== entries.length) {
        throw new Error(`of ${entries.length} ${what}, some were rejected: ${JSON.stringify(reply.rejected.slice(0, 3))}`);
      }
    }
  }
}

const sessionOfUser = (identity) => `session-of-${identity}`;

// `count` names that sort by their numbers.
export const names = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(6, '0')}`);

// The users as a read returns them, by identity.
export async function readUsers(users, serviceSid, identities) {
  const found = new Map();
  for (let at = 0; at < identities.length; at += PAGE) {
    const batch = await call(users, 'batchGetUsers', { serviceSid, userKeys: identities.slice(at, at + PAGE) });
    for (const user of batch.users) found.set(user.identity, user);
  }
  return found;
}

// All users of a service instance, by identity.
export async function readEverybody(users, serviceSid) {
  const found = new Map();
  for (let pageToken = ''; ;) {
    const page = await call(users, 'listUsers', { serviceSid, pageSize: PAGE, pageToken, view: 'USER_VIEW_FULL' });
    for (const user of page.users) found.set(user.identity, user);
    if (page.nextPageToken === '') return found;
    pageToken = page.nextPageToken;
  }
}

export const rename = (users, serviceSid, identity, friendlyName) =>
  call(users, 'updateUser', { user: { serviceSid, identity, friendlyName }, updateMask: { paths: ['friendly_name'] } });

export const beat = (users, serviceSid, identity) =>
  call(users, 'heartbeat', { serviceSid, userKey: identity, sessionId: sessionOfUser(identity) });

export const endSession = (users, serviceSid, identity) =>
  call(users, 'endSession', { serviceSid, userKey: identity, sessionId: sessionOfUser(identity) });
