// Damages copies of a killed server's files in many ways, and starts the server on each. It must either exit with code 3 and a clear
// message, or serve a correct prefix of the history, and no watcher that knows more than that may end with wrong data.
//   bash tests/faults/run.sh damage [DAMAGES [SEED]]
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { detailsOf } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { damages, randomFrom } from './harness/damage.mjs';
import { History, differsFrom, resume } from './harness/history.mjs';
import { Server, scratch } from './harness/server.mjs';
import { readEverybody } from './harness/stage.mjs';

const REJECTED = 3;
const CHANGES = 60;
const BOOKMARKS_TRIED = 4;
// SQLite rebuilds the index of the log at each start.
const FILES = ['presence.db', 'presence.db-wal', 'presence.db-shm'];

const [count = '16', seed = `${Date.now() % 1_000_000}`] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const database = join(scratch, 'presence.db');
const history = new History();
console.log(`# seed ${seed}`);

await step('a history: one half ends with a stop, which leaves one file, the other with kill -9, which leaves a log', async () => {
  const server = new Server({ database });
  await history.begin(await server.start());
  await history.goOn(CHANGES);
  await server.stop();
  await history.follower.lost();
  keep('stopped');
  await history.begin(await server.start());
  await history.goOn(CHANGES);
  await server.kill();
  await history.follower.lost();
  keep('killed');
});

for (let i = 0; i < Number(count); i += 1) {
  const { of, what, does, isSeen } = damages[i % damages.length];
  copy(join(scratch, of), scratch);
  const where = does(database, random);
  await step(`${what}${where}: rejected, or a correct prefix`, async () => {
    const server = new Server({ database });
    server.spawn();
    if (await server.listens()) await examine(server, isSeen);
    else console.log(`# ${(await server.expectRejection(REJECTED)).replace(database, '…').slice(0, 120)}`);
  });
}
theEnd();
process.exit(0);

async function examine(server, isSeen) {
  const client = await server.connect();
  try {
    await compare(client.users, isSeen);
  } catch (error) {
    // Damage that is found while reading is reported: STORAGE_UNAVAILABLE if SQLite detects it, INTERNAL if a number is no longer a valid
    // time.
    const reason = detailsOf(error).ErrorInfo?.reason;
    if (isSeen || reason === undefined) throw error;
    console.log(`# started, and answers with ${reason}`);
  } finally {
    await server.kill();
  }
}

async function compare(users, isSeen) {
  const found = await readEverybody(users, history.serviceSid);
  const revision = Math.max(0, ...[...found.values()].map((user) => Number(user.revision)));
  const last = history.upTo(revision);
  const complaints = differsFrom(last, found);
  for (const bookmark of someBookmarks(last)) {
    const { resets, lies } = await resume(users, history.serviceSid, bookmark);
    complaints.push(...lies);
    const expected = bookmark.revision > revision ? 'RESET_REASON_TIMELINE_CHANGED' : '';
    if (`${resets}` !== expected) {
      complaints.push(`a token of revision ${bookmark.revision} was reset by '${resets}', not by '${expected}'`);
    }
  }
  console.log(`# started at revision ${revision} of ${history.follower.revision}`);
  if (isSeen && complaints.length > 0) throw new Error(`at revision ${revision}: ${complaints.join('\n')}`);
}

// The tokens around the end of the prefix, and some others.
function someBookmarks(last) {
  const at = history.bookmarks.indexOf(last);
  const others = Array.from({ length: BOOKMARKS_TRIED }, () => history.bookmarks[random(history.bookmarks.length)]);
  return [last, ...history.bookmarks.slice(at + 1, at + 2), ...others];
}

function keep(name) {
  mkdirSync(join(scratch, name));
  copy(scratch, join(scratch, name));
}

// Copies the files of the database, and removes other files.
function copy(from, to) {
  for (const file of FILES) {
    rmSync(join(to, file), { force: true });
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
}
