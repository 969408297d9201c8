// Fills the disk, and then frees it. Meanwhile leases stay valid, health and clients get clear errors, and nothing is lost.
//   bash tests/faults/run.sh disk
import { join } from 'node:path';
import { theEnd } from '../clients/node/tap.mjs';
import { Disk } from './harness/disk.mjs';
import { runOutage } from './harness/outage.mjs';
import { Server } from './harness/server.mjs';

const disk = new Disk('8m');
const server = new Server({ database: join(disk.path, 'presence.db') });
await runOutage({ server, what: 'the disk is full', begin: () => disk.fill(), clear: () => disk.free() });
theEnd();
process.exit(0);
