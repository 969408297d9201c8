// The errors that a client receives when the store fails.
import { detailsOf } from '../../clients/node/presence.mjs';

const UNAVAILABLE = 14;

// The error of the call; undefined if it succeeded.
export async function refusalOf(answer) {
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
export async function expectRefusal(what, answer) {
  const refusal = await refusalOf(answer);
  if (refusal === undefined) throw new Error(`${what} was acknowledged`);
  if (!refusal.isOfTheStore) throw new Error(`${what} was refused otherwise: ${refusal.message}`);
}
