// Makes a dump of a database with the server that was built, for the upgrade tests of later versions. Run it for each new schema version:
//   bash tests/faults/run.sh ../GrpcPresence.Storage.Tests/Sqlite/Dumps/make FILE
//   FAULTS_STORE=postgres bash tests/faults/run.sh ../GrpcPresence.Storage.Tests/Sqlite/Dumps/make FILE
// UpgradeTests.cs of each store says what the data is.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../../../clients/node/presence.mjs';
import { Server, postgres, program, scratch } from '../../../faults/harness/server.mjs';
import { newService } from '../../../faults/harness/stage.mjs';

const DUMP = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for name in ('application_id', 'user_version'):
    print(f'PRAGMA {name} = {connection.execute("PRAGMA " + name).fetchone()[0]};')
for line in connection.iterdump():
    print(line)
`;

const server = new Server();
const client = await server.start();
const serviceSid = await newService(client);
await call(client.configuration, 'updateServiceInstance', {
  serviceInstance: { sid: serviceSid, friendlyName: 'one' }, updateMask: { paths: ['friendly_name'] },
});
await call(client.configuration, 'createServiceInstance', { friendlyName: 'two' });
await call(client.configuration, 'updateWebhookConfiguration', {
  webhookConfiguration: { serviceSid, postWebhookUrl: 'http://webhook.example/hook', filters: ['onUserUpdated'] },
  updateMask: { paths: ['post_webhook_url', 'filters'] },
});
await call(client.users, 'createUser', { serviceSid, identity: 'eve' });
for (const identity of ['ada', 'bob', 'cay']) await call(client.users, 'heartbeat', { serviceSid, userKey: identity, sessionId: 's1' });
await call(client.users, 'createUser', { serviceSid, identity: 'dan', attributes: '{"a":1}' });
await call(client.users, 'endSession', { serviceSid, userKey: 'bob', sessionId: 's1' });
await call(client.users, 'setPushBinding', { serviceSid, userKey: 'ada', bindingType: 'BINDING_TYPE_FCM', endpoint: 'token' });
await call(client.users, 'deleteUser', { serviceSid, userKey: 'eve' });
await server.stop();
const secret = join(scratch, 'secret');
const store = postgres ? ['--postgres', postgres.connection] : ['--database', server.database];
execFileSync('dotnet', [program, 'keys', 'create', ...store, '--secret-file', secret, '--role', 'admin']);
writeFileSync(process.argv[2], postgres ? postgres.dump() : execFileSync('python3', ['-c', DUMP, server.database]));
process.exit(0);
