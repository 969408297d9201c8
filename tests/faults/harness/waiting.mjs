// Waits with a time limit. A failure names what did not happen.
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;

// Waits until the condition is truthy; it may be asynchronous. Returns its value.
export async function until(what, condition, patienceMs) {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > giveUpAt) throw new Error(`within ${patienceMs} ms this did not happen: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

// Returns the value of the promise if it resolves in time.
export async function within(what, promise, patienceMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`within ${patienceMs} ms this did not happen: ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
