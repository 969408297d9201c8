// Connections that follow a server which comes and goes: gRPC would otherwise wait for up to two minutes between two attempts.
import { connect } from '../../../clients/node/presence.mjs';

// `turn`: connections with different numbers are separate.
export const connectPatiently = (address, turn = 0) => connect(address, {
  options: {
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // Channels with different options use different connections.
    'grpc.primary_user_agent': `load-${turn}`,
  },
});
