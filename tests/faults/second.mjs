// A second process on the same database, and a restore over a file, must fail, while the first continues to serve.
//   bash tests/faults/run.sh second
//   FAULTS_STORE=postgres bash tests/faults/run.sh second
import { step, theEnd } from '../clients/node/tap.mjs';
import { runProgram } from './harness/program.mjs';
import { Server, postgres } from './harness/server.mjs';
import { Beater, names, newService, readEverybody } from './harness/stage.mjs';

const REJECTED = 3;
const USERS = names('user', 20);

const server = new Server();
const client = await server.start();
let serviceSid;
let beater;

await step('the first process serves', async () => {
  serviceSid = await newService(client);
  beater = new Beater(client.users, serviceSid);
  await beater.beat(USERS.slice(0, 10));
});

for (const { what, asks } of [
  { what: 'a second process', asks: ['--port', '0', '--rest-port', 'off'] },
  ...(postgres ? [] : [{ what: 'a restore', asks: ['restore', `${server.database}.backup`] }]),
]) {
  await step(`${what} is rejected with exit code ${REJECTED} and one message that names the database`, async () => {
    const { code, output } = await runProgram([...asks, ...server.store]);
    if (code !== REJECTED) throw new Error(`the exit code is ${code}: ${output}`);
    if (output.includes('\n') || !output.includes(server.database)) throw new Error(`the error message is not clear: ${output}`);
  });
}

await step('the first goes on serving, reads and writes', async () => {
  await beater.beat(USERS);
  const found = await readEverybody(client.users, serviceSid);
  const offline = USERS.filter((identity) => found.get(identity)?.isOnline !== true);
  if (offline.length > 0) throw new Error(`not online are ${offline}`);
  const code = await server.stop();
  if (code !== 0) throw new Error(`it stopped with exit code ${code}`);
});
theEnd();
process.exit(0);
