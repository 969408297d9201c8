// Asks grpc.health.v1.Health whether a node serves.
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';

// The packages are those of the clients in Node.
const require = createRequire(new URL('../../../clients/node/presence.mjs', import.meta.url));
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const PATIENCE_MS = 2_000;
const file = fileURLToPath(new URL('../../../../src/GrpcPresence.Server/Protos/grpc/health/v1/health.proto', import.meta.url));
const { Health } = grpc.loadPackageDefinition(protoLoader.loadSync(file, { enums: String })).grpc.health.v1;

export function isServing(address) {
  const client = new Health(address, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  return new Promise((resolve) => {
    client.check({}, { deadline: Date.now() + PATIENCE_MS }, (error, response) => {
      client.close();
      resolve(!error && response.status === 'SERVING');
    });
  });
}
