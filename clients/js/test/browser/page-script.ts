// What the page of the tests has in its window.
import { Client, type ClientOptions, type User, type UserUpdate } from '@grpc-presence/client';
import { until } from '../support/waiting.js';

declare global {
  /** Makes a client, and waits until it is initialized. */
  function connect(options: ClientOptions): Promise<void>;
  var client: Client;
  var users: Record<string, User>;
  /** Each as "bob: online, friendlyName". */
  var updates: string[];
  var waitFor: (what: string, condition: () => boolean, seconds?: number) => Promise<void>;
}

globalThis.users = {};
globalThis.updates = [];
globalThis.waitFor = (what, condition, seconds) => until(client, what, condition, seconds);
globalThis.connect = async (options) => {
  globalThis.client = new Client(options);
  client.on('userUpdated', ({ user, updateReasons }: UserUpdate) => updates.push(`${user.identity}: ${updateReasons.join(', ')}`));
  let isInitialized = false;
  client.on('stateChanged', (state) => { isInitialized = state === 'initialized'; });
  await waitFor('initialization', () => isInitialized);
};
