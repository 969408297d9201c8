// Keeps the user of this page online, and shows who else is.
import { Client } from '@grpc-presence/client';
import { identity, others, serviceSid, url } from './settings.js';
import { showConnection, showUser } from './table.js';

const client = new Client({ url, serviceSid, identity }); // with credentials: { url, serviceSid, token: () => fetchToken() }

client.on('stateChanged', async (state) => {
  if (state !== 'initialized') return;
  showUser(client.user);
  for (const other of others) showUser(await client.getUser(other, { mayBeMissing: true }));
});
client.on('userUpdated', ({ user, updateReasons }) => showUser(user, updateReasons));
client.on('connectionStateChanged', showConnection);
client.on('connectionError', ({ reason, message }) => console.warn(reason, message)); // otherwise nothing says why it waits
