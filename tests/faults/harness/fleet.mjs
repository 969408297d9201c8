// Thousands of watches over some connections.
import { watchUsers } from '../../clients/node/presence.mjs';
import { Stream, openConnection } from './http2.mjs';
import { within } from './waiting.mjs';

const PATIENCE_MS = 60_000;

// One watch and its state: `users` by identity, as of the last update.
export class FleetWatch {
  token = '';
  resets = 0;
  updates = 0;
  users = new Map();
  configuration;
  wake;

  // `from`: the watch that this one resumes, with its known users. `options`: those of Stream.
  constructor(session, request, { from, ...options } = {}) {
    this.request = request;
    if (from) {
      this.token = from.token;
      this.users = from.users;
    }
    const bytes = watchUsers.requestSerialize({ ...request, resumeToken: this.token });
    this.stream = new Stream(session, watchUsers.path, bytes, (message) => this.take(message), options);
    this.synced = new Promise((resolve) => { this.wake = resolve; });
  }

  get end() {
    return this.stream.end;
  }

  take(bytes) {
    const message = watchUsers.responseDeserialize(bytes);
    if (message.event === 'reset') {
      this.resets += 1;
      this.users.clear();
    }
    if (message.event === 'configuration') this.configuration = message.configuration;
    for (const { user } of message.updates?.updates ?? []) {
      this.updates += 1;
      this.users.set(user.identity, user);
    }
    if (message.resumeToken !== '') this.token = message.resumeToken;
    if (message.event === 'synced') this.wake();
  }
}

// Opens one watch per request, over `connections`, and waits until all are synced. `make(session, index)` creates one.
export async function openFleet(address, { connections, watches, make, ...options }) {
  const sessions = await Promise.all(Array.from({ length: connections }, () => openConnection(address, options)));
  const fleet = Array.from({ length: watches }, (_, index) => make(sessions[index % connections], index));
  await within(`${watches} watches are synced`, Promise.all(fleet.map(syncedOrEnded)), PATIENCE_MS);
  return { sessions, fleet };
}

async function syncedOrEnded(watch) {
  const end = await Promise.race([watch.synced, watch.stream.ended]);
  if (end) throw new Error(`a watch ended before it was synced: ${JSON.stringify(end)}`);
}
