/** Why a call of the client failed. */
export class PresenceError extends Error {
  override readonly name = 'PresenceError';

  /**
   * @param reason A name of presence.v1.ErrorReason without its prefix, such as USER_NOT_FOUND, or one of the client: CLIENT_STOPPED,
   * IDENTITY_MISMATCH, IDENTITY_REQUIRED, NOT_INITIALIZED, TOO_MANY_USERS, TOKEN_PROVIDER_FAILED; or the name
   * of a gRPC status where the server gave no reason.
   */
  constructor(readonly reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
