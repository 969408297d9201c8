/** Waits for the promise, and fails with what did not happen. */
export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`within ${seconds} s there was no ${what}`)), seconds * 1_000);
  });
  try {
    return await Promise.race([promise, patience]);
  } finally {
    clearTimeout(timer);
  }
}

const EVENTS = ['stateChanged', 'connectionStateChanged', 'userUpdated'] as const;

/** A client, of the sources or of the built package. */
interface ClientLike {
  on(event: (typeof EVENTS)[number], listener: () => void): unknown;
  off(event: (typeof EVENTS)[number], listener: () => void): unknown;
}

/** Waits for an event of the client after which the condition holds. */
export async function until(client: ClientLike, what: string, condition: () => boolean, seconds = 20): Promise<void> {
  if (condition()) return;
  let check = () => {};
  await within(seconds, what, new Promise<void>((resolve) => {
    check = () => { if (condition()) resolve(); };
    for (const event of EVENTS) client.on(event, check);
  })).finally(() => { for (const event of EVENTS) client.off(event, check); });
}
