// The faults of a cluster as functions. Each breaks something, waits as long as it says, and repairs it. The model learns which nodes
// suffer from it, because bounds of time hold only for the others.
import { setTimeout as pause } from 'node:timers/promises';
import { scratch } from '../server.mjs';

// A client behind the proxy may be bound to a node that does not answer until it notices the silence.
const SILENCE_MS = 22_000;
// Clients and nodes connect again, and the store opens for the first call.
const CONNECTED_MS = 5_000;

// kill -9 of a node, and a new start after `downMs`.
export async function kill({ cluster, load }, index, downMs = 0) {
  await suffer(cluster, [index], CONNECTED_MS, async () => {
    load.faultBegins();
    await cluster.node(index).kill();
    await pause(downMs);
    await cluster.node(index).start();
  });
}

// kill -9 of all nodes at once.
export async function killAll({ cluster, load }) {
  await suffer(cluster, cluster.indices, CONNECTED_MS, async () => {
    load.faultBegins();
    await Promise.all(cluster.running.map((node) => node.kill()));
    await Promise.all(cluster.running.map((node) => node.start()));
  });
}

// SIGSTOP of a node for `ms`. A node of a cluster ends itself when it goes on, so it is awaited.
export async function freeze({ cluster, load }, index, ms) {
  await suffer(cluster, [index], SILENCE_MS, async () => {
    load.faultBegins();
    cluster.node(index).signal('SIGSTOP');
    await pause(ms);
    cluster.node(index).signal('SIGCONT');
    await cluster.node(index).serves();
  });
}

// A planned stop of a node, and a new start. Must end with exit code 0.
export async function restart({ cluster, load }, index) {
  await suffer(cluster, [index], CONNECTED_MS, async () => {
    load.faultBegins();
    const code = await cluster.node(index).stop();
    if (code !== 0) throw new Error(`node ${index} ended with ${code}`);
    await cluster.node(index).start();
  });
}

// One node after the other, each when the one before serves again.
export async function roll(stage) {
  for (const index of stage.cluster.indices) await restart(stage, index);
}

// PostgreSQL is away for `ms`: stopped ('fast' or 'immediate'), or 'frozen'.
export async function withoutStore({ cluster, load }, mode, ms) {
  const { postgres } = cluster;
  await suffer(cluster, cluster.indices, CONNECTED_MS, async () => {
    load.faultBegins();
    await (mode === 'frozen' ? postgres.freeze() : postgres.stop(mode));
    await pause(ms);
    await (mode === 'frozen' ? postgres.thaw() : postgres.start());
  });
}

// kill -9 of a node while PostgreSQL is stopped. The node starts again at once, and waits for PostgreSQL.
export async function killWithoutStore(stage, index, ms) {
  const node = stage.cluster.node(index);
  const away = withoutStore(stage, 'fast', ms);
  await pause(ms / 2);
  await node.kill();
  node.spawn();
  await away;
  await suffer(stage.cluster, stage.cluster.indices, CONNECTED_MS, () => node.serves());
}

// The primary dies, and a standby takes its place. `lostMs`: for how long the standby has received nothing before that; 0 loses nothing.
export async function promote({ cluster, load }, name, lostMs) {
  const primary = cluster.postgres;
  const standby = await primary.addStandby(scratch, name);
  await suffer(cluster, cluster.indices, CONNECTED_MS, async () => {
    if (lostMs > 0) {
      await standby.catchUp(primary);
      load.lossBegins();
      await standby.stopReceiving();
      await pause(lostMs);
    }
    load.faultBegins();
    // A fast stop waits until a standby that is connected has received everything.
    await primary.stop(lostMs > 0 ? 'immediate' : 'fast');
    standby.promote();
    cluster.pointTo(standby);
  });
}

// The network is cut for `ms`, as `paths` says: pairs of addresses, each in one direction.
export async function cut({ cluster, load }, suffering, paths, ms) {
  await suffer(cluster, suffering, SILENCE_MS, async () => {
    load.faultBegins();
    for (const [from, to] of paths) cluster.network.cut(from, to);
    await pause(ms);
    cluster.network.healAll();
    await Promise.all(suffering.map((index) => cluster.node(index).serves()));
  });
}

async function suffer(cluster, indices, afterMs, act) {
  cluster.trouble.begin(indices);
  try {
    await act();
  } finally {
    cluster.trouble.end(indices, afterMs);
  }
}
