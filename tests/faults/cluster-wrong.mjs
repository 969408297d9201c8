// Processes with wrong settings meet a cluster under load: each ends with one line and an exit code of its own, or is never ready. The
// cluster does not suffer: no user is seen offline, and nothing is damaged.
//   bash tests/faults/run.sh cluster-wrong [NODES [SESSIONS]]
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { step } from '../clients/node/tap.mjs';
import { canCluster, writeSecret } from './harness/cluster/cluster.mjs';
import { isServing } from './harness/cluster/serving.mjs';
import { DEFAULT_NODES, closeStage, openStage } from './harness/cluster/stage.mjs';
import { Clock } from './harness/clock.mjs';
import { scratch } from './harness/server.mjs';

const [nodes = DEFAULT_NODES, sessions = '300'] = process.argv.slice(2);
const OBSERVED_MS = 15_000;

const stage = await openStage({ nodes, sessions });
const { cluster, load } = stage;
const otherSecret = join(scratch, 'other.secret');
writeSecret(otherSecret);
const clock = new Clock(join(scratch, 'clock-wrong'));
clock.set(60);

const wrong = { 'a server without --node-address': { isClustered: false } };
if (canCluster) {
  Object.assign(wrong, {
    'another cluster id': { clusterId: 'other' },
    'another secret': { secretFile: otherSecret },
    'the address of a node that runs': { nodeAddress: cluster.node(1).nodeAddress },
    'an address that is not its own': { nodeAddress: '192.0.2.1:5090' },
    'a clock that is a minute off': { env: clock.env },
  });
}
for (const [name, options] of Object.entries(wrong)) {
  await step(`${name}: one line and an exit code, or never ready`, async () => {
    const node = await cluster.outsider(options);
    node.spawn();
    const end = await Promise.race([node.ended, pause(OBSERVED_MS, 'none')]);
    const isReady = end === 'none' && await isServing(node.address);
    await node.kill();
    console.log(`# ${name}: exit code ${end}; ${node.said.split('\n').at(-1).slice(0, 300)}`);
    if (isReady) throw new Error(`it serves: ${node.said}`);
    if (end !== 'none' && (![2, 3].includes(end) || node.said.includes('\n'))) throw new Error(`it ended with ${end}: ${node.said}`);
    await load.recovered(name);
    const ended = cluster.running.find((other) => other.ends.length > 0);
    if (ended) throw new Error(`node ${ended.index} ended with ${ended.ends}`);
  });
}
await closeStage(stage);
