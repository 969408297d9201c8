// The file system is read-only when the server starts. The server reports that and exits. Acknowledged data is still there when the file
// system is writable again. It cannot become read-only under a running server: the kernel rejects that while files on it are open for
// writing. A backup of the closed database needs no writable file system.
//   bash tests/faults/run.sh readonly
import { join } from 'node:path';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Disk } from './harness/disk.mjs';
import { History, differsFrom, resume } from './harness/history.mjs';
import { runWell } from './harness/program.mjs';
import { Server, scratch } from './harness/server.mjs';
import { readEverybody } from './harness/stage.mjs';

const REJECTED = 3;
const CHANGES = 20;

const disk = new Disk('8m');
const server = new Server({ database: join(disk.path, 'presence.db') });
const history = new History();

await step('a history ends with kill -9, which leaves a log to be read', async () => {
  await history.begin(await server.start());
  await history.goOn(CHANGES);
  await server.kill();
  await history.follower.lost();
});

await step(`on a read-only file system a start is rejected with exit code ${REJECTED} and one message that names the file`, async () => {
  disk.makeReadOnly();
  server.spawn();
  if (await server.listens()) throw new Error('the server serves, although it can store nothing');
  await server.expectRejection(REJECTED);
});

await step('once it can be written, everything is there and the watch resumes', async () => {
  disk.makeWritable();
  const client = await server.start();
  const bookmark = history.bookmarks.at(-1);
  const complaints = differsFrom(bookmark, await readEverybody(client.users, history.serviceSid));
  const { resets, lies } = await resume(client.users, history.serviceSid, bookmark);
  const code = await server.stop();
  if (code !== 0) throw new Error(`it stopped with exit code ${code}`);
  complaints.push(...lies, ...resets);
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
});

await step('a backup of the closed database is made from the read-only file system', async () => {
  disk.makeReadOnly();
  await runWell(['backup', join(scratch, 'copy.db'), '--database', server.database]);
  disk.makeWritable();
});
theEnd();
process.exit(0);
