import type { Transport } from '@connectrpc/connect';
import type { TokenProvider } from './token-source.js';

export interface ClientOptions {
  /**
   * The server. In a page the address for gRPC-Web: the REST port without TLS, such as http://127.0.0.1:5081, or the one port with TLS. In
   * Node the address for gRPC, such as http://127.0.0.1:5080.
   */
  url: string;
  /** The service instance, "IS…". */
  serviceSid: string;
  /**
   * An access token of the user, or a function that returns one or a promise of one. The function is called at the start, before the token
   * expires, and when the server rejects it. A server that requires no credentials needs no token.
   */
  token?: string | TokenProvider | undefined;
  /**
   * Whether to send access tokens over http to another machine, for a mesh that encrypts on the way. Default false: only over https and to
   * loopback (localhost, 127.0.0.0/8, [::1]).
   */
  allowCredentialsWithoutTls?: boolean | undefined;
  /** The user, where no access token names it. */
  identity?: string | undefined;
  /** Another transport than the one for this platform. Its address must be that of `url`. */
  transport?: Transport | undefined;
}
