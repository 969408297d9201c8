// The errors that a client receives when the store fails.
import { detailsOf } from '../../clients/node/presence.mjs';

const UNAVAILABLE = 14;

// The error of the call; undefined if it succeeded.
export async function rejectionOf(answer) {
  try {
    await answer;
    return undefined;
  } catch (error) {
    const { ErrorInfo: info, RetryInfo: retry } = detailsOf(error);
    return {
      message: `${error.message} (${info?.reason ?? 'no ErrorInfo'})`,
      isOfTheStore: error.code === UNAVAILABLE && info?.domain === 'grpc-presence'
        && info.reason === 'STORAGE_UNAVAILABLE' && retry !== undefined,
    };
  }
}

// The call must fail because the store fails, with all details that the client needs to retry.
export async function expectRejection(what, answer) {
  const rejection = await rejectionOf(answer);
  if (rejection === undefined) throw new Error(`${what} was acknowledged`);
  if (!rejection.isOfTheStore) throw new Error(`${what} was rejected otherwise: ${rejection.message}`);
}
