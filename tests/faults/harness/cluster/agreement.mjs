// What must hold once no fault is left and no writer writes: all nodes, watchers and writers know the same.
import { Follower } from '../follower.mjs';
import { readEverybody } from '../stage.mjs';
import { until } from '../waiting.mjs';

const OFFLINE_WITHIN_MS = 60_000;
const AGREED_WITHIN_MS = 20_000;
const MOST_SHOWN = 20;

// Compares reads at each node, each watcher, and what was acknowledged, while sessions go on.
export async function expectAgreement(load) {
  await load.stopWriting();
  await until('all users that stopped are offline', () => staysOnline(load).length === 0, OFFLINE_WITHIN_MS)
    .catch((late) => load.fail(`${late.message}: ${staysOnline(load).slice(0, MOST_SHOWN)}`));
  let differences = [];
  await until('all agree', async () => {
    differences = await differencesOf(load);
    return differences.length === 0;
  }, AGREED_WITHIN_MS).catch((late) => load.fail(late.message, ...differences.slice(0, MOST_SHOWN)));
  const unseen = load.model.checkGaps();
  load.expectNoViolation();
  const { sessions, writes } = load.model;
  console.log(`# ${sessions.size} sessions, ${writes.size} written users, ${unseen} revisions seen by no client`);
}

// Tokens that watchers had at any moment must resume at every node, without a reset, and lead to the present state.
export async function expectResumeAnywhere(load) {
  const { cluster, model, serviceSid } = load;
  const bookmarks = model.watchers.flatMap((watcher) => watcher.bookmarks);
  for (const node of cluster.running) {
    for (const bookmark of bookmarks) {
      const follower = new Follower(bookmark);
      await follower.catchUp(node.client.users, serviceSid);
      follower.compare(await readEverybody(node.client.users, serviceSid));
      const what = [...follower.resets, ...follower.lies];
      if (what.length > 0) load.fail(`a token of ${bookmark.by} at node ${node.index}:`, ...what.slice(0, MOST_SHOWN));
    }
  }
  console.log(`# ${bookmarks.length} tokens resumed at each of ${cluster.running.length} nodes`);
}

async function differencesOf({ cluster, model, serviceSid }) {
  const differences = [];
  for (const node of cluster.running) {
    const found = await readEverybody(node.client.users, serviceSid);
    differences.push(...model.differences(found, `node ${node.index}`));
    for (const watcher of model.watchers) {
      for (const difference of new Follower({ users: watcher.users }).differences(found)) {
        differences.push(`${difference} at node ${node.index} (${watcher.name})`);
      }
    }
  }
  return differences;
}

function staysOnline({ model }) {
  const stopped = [...model.sessions.values()].filter((session) => session.isStopped && session.acceptedAt > 0);
  return model.watchers.flatMap((watcher) => stopped.filter(({ identity }) => watcher.users.get(identity)?.isOnline !== false)
    .map(({ identity }) => `${identity} at ${watcher.name}`));
}
