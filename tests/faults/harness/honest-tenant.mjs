// A service instance whose back end answers every edit and event at once, beside others that attack it. Measures how long its edits and
// events take.
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { text } from 'node:stream/consumers';
import { call } from '../../clients/node/presence.mjs';
import { newService } from './stage.mjs';
import { within } from './waiting.mjs';

const ROUNDS = 40;
const SLACK_MS = 25; // for a busy machine, where the usual time is a few milliseconds
const WORST_MS = 1000;
const PATIENCE_MS = 30_000;

export class HonestTenant {
  #arrivals = new Map(); // resolvers of awaited events, by friendly name
  #questions = new Set(); // the friendly names of edits that the back end was asked about

  // `address`: of the server. `host`: the name of the back end in its URL. Without `keepsConnections`, each request needs a connection, and
  // the address of the host.
  static async start(client, address, { host = '127.0.0.1', keepsConnections = true } = {}) {
    const tenant = new HonestTenant();
    tenant.serviceSid = await newService(client);
    // The back end fails every request of other service instances.
    const backEnd = http.createServer(async (request, response) => {
      if (!keepsConnections) response.setHeader('connection', 'close');
      const form = new URLSearchParams(await text(request));
      if (form.get('ChatServiceSid') !== tenant.serviceSid) response.statusCode = 500;
      else if (form.get('EventType') === 'onUserUpdate') tenant.#questions.add(form.get('FriendlyName'));
      else if (form.get('EventType') === 'onUserUpdated') tenant.#arrivals.get(form.get('FriendlyName'))?.();
      response.end();
    });
    tenant.url = `http://${host}:${await listen(backEnd)}/hook`;
    await setWebhook(client, tenant.serviceSid, { preWebhookUrl: tenant.url, postWebhookUrl: tenant.url });
    await call(client.users, 'createUser', { serviceSid: tenant.serviceSid, identity: 'ada' });
    tenant.rest = await connectRest(address);
    await tenant.measure(); // compiles the code
    tenant.usual = await tenant.measure();
    console.log(`# usually: edit ${tenant.usual.edit.toFixed(1)} ms, event ${tenant.usual.event.toFixed(1)} ms`);
    return tenant;
  }

  // Returns the median times of an edit and of its event. The back end must be asked about each edit, and no time may be long.
  async measure() {
    const [editTimes, eventTimes] = [[], []];
    for (let i = 0; i < ROUNDS; i += 1) {
      const name = `name-${Math.random()}`;
      const arrival = new Promise((resolve) => { this.#arrivals.set(name, resolve); });
      const begin = performance.now();
      const status = await within('an honest edit is answered', edit(this.rest, this.serviceSid, name), PATIENCE_MS);
      if (status !== 200) throw new Error(`an honest edit got ${status}`);
      if (!this.#questions.delete(name)) throw new Error('an honest edit passed unasked');
      editTimes.push(performance.now() - begin);
      await within('the event of an honest edit arrives', arrival, PATIENCE_MS);
      eventTimes.push(performance.now() - begin);
      this.#arrivals.delete(name);
    }
    for (const [what, times] of [['edit', editTimes], ['event', eventTimes]]) {
      if (Math.max(...times) > WORST_MS) throw new Error(`an honest ${what} took ${Math.max(...times)} ms`);
    }
    const median = (times) => times.sort((a, b) => a - b)[times.length / 2];
    return { edit: median(editTimes), event: median(eventTimes) };
  }

  // Edits and events must take at most twice their usual time.
  async expectUsual(attack) {
    const now = await this.measure();
    console.log(`# ${attack}: edit ${now.edit.toFixed(1)} ms, event ${now.event.toFixed(1)} ms`);
    for (const what of ['edit', 'event']) {
      if (now[what] > 2 * this.usual[what] + SLACK_MS) {
        throw new Error(`an ${what} takes ${now[what]} ms, and usually ${this.usual[what]} ms`);
      }
    }
  }
}

export async function listen(listener) {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return listener.address().port;
}

export async function setWebhook(client, serviceSid, settings) {
  const paths = Object.keys(settings).map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  await call(client.configuration, 'updateWebhookConfiguration', {
    webhookConfiguration: { serviceSid, ...settings, filters: ['onUserUpdate', 'onUserAdded', 'onUserUpdated'] },
    updateMask: { paths: [...paths, 'filters'] },
  });
}

// A connection to the server over which many edits run at the same time.
export async function connectRest(address) {
  const connection = http2.connect(`http://${address}`).on('error', () => {});
  await once(connection, 'connect');
  return connection;
}

// Edits the user `ada` over REST, as a back end that wants webhooks for its edits. Returns the status.
export async function edit(connection, serviceSid, friendlyName) {
  const request = connection.request({
    ':method': 'POST',
    ':path': `/v1/Services/${serviceSid}/Users/ada`,
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-webhook-enabled': 'true',
  });
  request.end(`FriendlyName=${friendlyName}`);
  const [headers] = await once(request, 'response');
  await text(request);
  return headers[':status'];
}
