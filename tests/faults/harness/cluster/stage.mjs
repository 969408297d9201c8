// The common beginning and end of the scenarios with a cluster.
import { step, theEnd } from '../../../clients/node/tap.mjs';
import { expectAgreement, expectResumeAnywhere } from './agreement.mjs';
import { Cluster, canCluster } from './cluster.mjs';
import { Load } from './load.mjs';

// How many nodes a scenario has unless its caller says otherwise.
export const DEFAULT_NODES = canCluster ? 3 : 1;

// Starts a cluster of `nodes` with `sessions`. `options`: those of Cluster.start.
export async function openStage({ nodes, sessions, ...options }) {
  const stage = {};
  await step(`${nodes} nodes serve ${sessions} sessions behind nginx`, async () => {
    stage.cluster = await Cluster.start(Number(nodes), options);
    stage.load = await Load.start(stage.cluster, Number(sessions));
  });
  return stage;
}

// Checks what all clients know, and ends everything.
export async function closeStage({ cluster, load }) {
  await step('users that stopped are offline; each node, each watcher and each writer know the same', () => expectAgreement(load));
  await step('tokens of any watcher and moment resume at every node', () => expectResumeAnywhere(load));
  for (const node of cluster.running) {
    if (node.ends.length > 0) console.log(`# node ${node.index} ended by itself: ${node.ends}`);
  }
  load.stop();
  theEnd();
  process.exit(0);
}
