// The ways to cut the network of a cluster: which nodes suffer, and which paths lose everything, as pairs of addresses.
import { Network } from './network.mjs';

// All kinds that the cluster has nodes for.
export function kindsOfCut(cluster) {
  const all = cluster.indices;
  const [a, b] = all;
  const last = all.at(-1);
  const address = (index) => Network.addressOf(index);
  const both = (one, other) => [[one, other], [other, one]];
  const store = (index) => both(address(index), Network.store);
  const peers = (index) => all.filter((other) => other !== index).flatMap((other) => both(address(index), address(other)));
  const kinds = [
    { name: `node ${last} is cut off from PostgreSQL`, suffering: [last], paths: store(last) },
    { name: 'all nodes are cut off from PostgreSQL', suffering: all, paths: all.flatMap(store) },
  ];
  if (all.length < 2) return kinds;
  return [
    ...kinds,
    { name: `node ${last} is cut off from its peers and PostgreSQL`, suffering: [last], paths: [...peers(last), ...store(last)] },
    { name: `node ${last} is cut off from its peers`, suffering: [last], paths: peers(last) },
    { name: `nodes ${a} and ${b} are cut off from one another`, suffering: [a, b], paths: both(address(a), address(b)) },
    { name: `nothing arrives from node ${a} at node ${b}`, suffering: [a, b], paths: [[address(a), address(b)]] },
    {
      name: `nothing arrives from node ${last} at its peers`,
      suffering: [last],
      paths: peers(last).filter(([from]) => from === address(last)),
    },
  ];
}
