// Switches reachability, kills the server and restores a backup while a back end receives webhooks. Whatever happens, the back end ends
// with what the server shows of every user, and a restart alone sends nothing.
//   bash tests/faults/run.sh webhooks [USERS]
//   FAULTS_STORE=postgres bash tests/faults/run.sh webhooks [USERS]
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { BackEnd } from './harness/back-end.mjs';
import { backUp, restore } from './harness/backup.mjs';
import { Server } from './harness/server.mjs';
import { Beater, names, newService, readEverybody } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const CONVERGES_WITHIN_MS = 30_000;

const [users = '400'] = process.argv.slice(2);
const everybody = names('user', Number(users));
const half = everybody.slice(0, everybody.length / 2);
const server = new Server({ settings: ['--allow-private-webhooks'] });
let client = await server.start();
const backEnd = await BackEnd.start();
const serviceSid = await newService(client);
await call(client.configuration, 'updateWebhookConfiguration', {
  webhookConfiguration: { serviceSid, postWebhookUrl: backEnd.url, filters: ['onUserAdded', 'onUserUpdated'] },
  updateMask: { paths: ['post_webhook_url', 'filters'] },
});
let beater = new Beater(client.users, serviceSid);

await step('a back end receives who is online', async () => {
  await beater.beat(everybody);
  await convergence();
});

await step('reachability is switched off and on, and users leave in between', async () => {
  await reachability(false);
  await beater.endSessions(half);
  await convergence();
  await reachability(true);
  await beater.beat(everybody.slice(half.length));
  await convergence();
});

await step('the server is killed while it sends what a switch changed', async () => {
  const received = backEnd.received;
  await reachability(false);
  await until('a part was sent', () => backEnd.received > received, CONVERGES_WITHIN_MS);
  await server.kill();
  client = await server.start();
  await convergence();
  await reachability(true);
});

await step('a backup is restored that does not contain what the back end received', async () => {
  const file = await backUp(server, 'backup');
  beater = new Beater(client.users, serviceSid);
  await beater.beat(half, (identity) => `later-session-of-${identity}`);
  await convergence();
  await server.kill();
  await restore(server, file);
  const received = backEnd.received;
  client = await server.start();
  if ((await readEverybody(client.users, serviceSid)).get(half[0]).isOnline === true) throw new Error('the restore took nothing back');
  await convergence();
  await until('every user was sent', () => backEnd.received >= received + everybody.length, CONVERGES_WITHIN_MS);
});

await step('a restart sends nothing', async () => {
  await server.stop();
  const received = backEnd.received;
  client = await server.start();
  await call(client.users, 'createUser', { serviceSid, identity: 'last' });
  await until('the last user arrives', () => backEnd.knows('last'), CONVERGES_WITHIN_MS);
  if (backEnd.received !== received + 1) throw new Error(`${backEnd.received - received} events arrived in place of 1`);
});
await server.kill();
theEnd();
process.exit(0);

async function reachability(reachabilityEnabled) {
  await call(client.configuration, 'updateConfiguration', {
    configuration: { serviceSid, reachabilityEnabled },
    updateMask: { paths: ['reachability_enabled'] },
  });
}

// Waits until the back end believes what the server shows.
async function convergence() {
  let wrong = [];
  try {
    await until('the back end knows the truth', async () => {
      wrong = backEnd.errors(await readEverybody(client.users, serviceSid));
      return wrong.length === 0;
    }, CONVERGES_WITHIN_MS);
  } catch (error) {
    throw new Error([error.message, ...wrong.slice(0, 5)].join('\n'));
  }
}
