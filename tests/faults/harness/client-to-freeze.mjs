// A separate client process, so that it can be stopped as a whole: its kernel continues TCP, and nothing answers HTTP/2.
//   node client-to-freeze.mjs ADDRESS SERVICE_SID WATCHES IDENTITY...
// Opens watches of all users and a heartbeat stream that ends its sessions on close, sends one heartbeat for each user, and prints when it
// did.
import { connect } from '../../clients/node/presence.mjs';
import { FleetWatch, openFleet } from './fleet.mjs';
import { Beater } from './stage.mjs';

const [address, serviceSid, watches, ...identities] = process.argv.slice(2);
await openFleet(address, { connections: 1, watches: Number(watches), make: (session) => new FleetWatch(session, { serviceSid }) });
const beater = new Beater(connect(address).users, serviceSid, { endSessionsOnClose: true });
await beater.started;
const beatAt = Date.now();
await beater.beat(identities);
process.send(beatAt);
