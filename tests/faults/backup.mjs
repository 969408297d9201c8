// Takes backups under load and restores them after kill -9. A backup contains everything that was acknowledged before it began. Tokens from
// before it resume, tokens of lost revisions are reset, and no client that knew the lost revisions ends with wrong data.
//   bash tests/faults/run.sh backup [ROUNDS]
//   FAULTS_STORE=postgres bash tests/faults/run.sh backup [ROUNDS]
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { backUp, restore } from './harness/backup.mjs';
import { Editors, editOf } from './harness/editors.mjs';
import { Follower } from './harness/follower.mjs';
import { resume } from './harness/history.mjs';
import { Ledger } from './harness/ledger.mjs';
import { Server } from './harness/server.mjs';
import { Beater, names, newService, readEverybody } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const EDITED = names('edited', 24);
const EDITS = 60;
const EDITED_WITHIN_MS = 10_000;
const TOKENS_TRIED = 40;
const TIMELINE_CHANGED = 'RESET_REASON_TIMELINE_CHANGED';

const [rounds = '3'] = process.argv.slice(2);
const server = new Server();
let client = await server.start();
const serviceSid = await newService(client);
await Promise.all(EDITED.map((identity) => call(client.users, 'createUser', { serviceSid, identity })));

for (let round = 1; round <= Number(rounds); round += 1) {
  await step(`round ${round}: a backup under load, kill -9, and a restore`, async () => {
    const online = names(`online-${round}`, 5);
    const bookmarks = [];
    const follower = new Follower({}, (bookmark) => bookmarks.push(bookmark));
    follower.follow(client.users, serviceSid);
    await until('the watch is synced', () => bookmarks.length > 0, EDITED_WITHIN_MS);
    const editors = new Editors(new Ledger());
    editors.begin(client.users, serviceSid, EDITED);
    const beater = new Beater(client.users, serviceSid);
    await beater.beat(online);
    await until('edits are acknowledged', () => editors.acknowledged > EDITS, EDITED_WITHIN_MS);

    const before = { edits: new Map(editors.newest), bookmarks: bookmarks.length };
    const file = await backUp(server, `backup-${round}`);
    const acknowledged = editors.acknowledged;
    await beater.endSessions(online.slice(0, 2));
    await until('edits are acknowledged after the backup', () => editors.acknowledged > acknowledged + EDITS, EDITED_WITHIN_MS);
    await server.kill();
    await Promise.all([editors.end(), follower.lost()]);

    await restore(server, file);
    client = await server.start();
    const found = await readEverybody(client.users, serviceSid);
    const end = Math.max(...[...found.values()].map((user) => Number(user.revision)));
    const lies = [...follower.lies];
    for (const [identity, edit] of before.edits) {
      const { friendlyName } = found.get(identity);
      if (editOf(friendlyName) < edit) lies.push(`${identity} is called ${friendlyName}; edit ${edit} was acknowledged before the backup`);
    }
    lies.push(...online.filter((identity) => found.get(identity)?.isOnline !== true).map((identity) => `${identity} is falsely offline`));
    const lost = bookmarks.findIndex((bookmark) => bookmark.revision > end);
    if (lost < 0) lies.push(`nothing was lost: the backup ends at ${end}`);
    else if (lost < before.bookmarks) {
      lies.push(`a token from before the backup has revision ${bookmarks[lost].revision}, but the backup ends at ${end}`);
    }
    // The new timeline reuses revisions of the lost one. A token must not be mistaken for one of the new timeline.
    await Promise.all(EDITED.map((identity) =>
      call(client.users, 'heartbeat', { serviceSid, userKey: identity, sessionId: `round-${round}` })));
    for (const at of tried(bookmarks.length, before.bookmarks, lost)) {
      const resumed = await resume(client.users, serviceSid, bookmarks[at]);
      lies.push(...resumed.lies);
      const isLost = at >= lost;
      if (`${resumed.resets}` !== (isLost ? TIMELINE_CHANGED : '') && (isLost || at < before.bookmarks)) {
        lies.push(`a token of revision ${bookmarks[at].revision} was reset by '${resumed.resets}'; the backup ends at ${end}`);
      }
    }
    if (lies.length > 0) throw new Error([...new Set(lies)].slice(0, 20).join('\n'));
    const lostTokens = bookmarks.length - lost;
    console.log(`# of ${bookmarks.length} tokens, ${before.bookmarks} are from before the backup, and ${lostTokens} of lost revisions`);
  });
}
await server.kill();
theEnd();
process.exit(0);

// Selects tokens: those around the beginning and the end of the backup, and the last.
function tried(count, began, ended) {
  const around = (at) => Array.from({ length: TOKENS_TRIED / 2 }, (_, i) => at - TOKENS_TRIED / 4 + i);
  return [...new Set([...around(began), ...around(ended), count - 1])].filter((at) => at >= 0 && at < count);
}
