// What a client is told when the store fails.
import { detailsOf } from '../../clients/node/presence.mjs';

const UNAVAILABLE = 14;

// How the call was refused; undefined when it was not.
export async function refusalOf(answer) {
  try {
    await answer;
    return undefined;
  } catch (error) {
    const { ErrorInfo: info, RetryInfo: retry } = detailsOf(error);
    return {
      message: `${error.message} (${info?.reason ?? 'no ErrorInfo'})`,
      isOfTheStore: error.code === UNAVAILABLE && info?.domain === 'grpc-presence' && info.reason === 'STORAGE_UNAVAILABLE' && retry !== undefined,
    };
  }
}

// The call must be refused because the store fails, with all that the client needs to try again.
export async function expectRefusal(what, answer) {
  const refusal = await refusalOf(answer);
  if (refusal === undefined) throw new Error(`${what} was acknowledged`);
  if (!refusal.isOfTheStore) throw new Error(`${what} was refused otherwise: ${refusal.message}`);
}
