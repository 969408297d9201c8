// A frozen client: SIGSTOP, like a closed laptop.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from './waiting.mjs';

const PROGRAM = fileURLToPath(new URL('client-to-freeze.mjs', import.meta.url));
const PATIENCE_MS = 20_000;

// A running client with open watches and a heartbeat stream, and the time of its heartbeats.
export async function startClient(address, serviceSid, { watches, identities }) {
  const child = fork(PROGRAM, [address, serviceSid, `${watches}`, ...identities]);
  process.on('exit', () => child.kill('SIGKILL'));
  const [beatAt] = await within('the client is ready', once(child, 'message'), PATIENCE_MS);
  return { child, beatAt };
}
