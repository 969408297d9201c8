// Runs the server's program to its end: subcommands, and starts that must fail.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { program } from './server.mjs';
import { within } from './waiting.mjs';

const PATIENCE_MS = 20_000;

// Returns its exit code and its output.
export async function runProgram(settings) {
  const child = spawn('dotnet', [program, ...settings], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { output += bytes; });
  try {
    const [code] = await within(`'${settings.join(' ')}' ends`, once(child, 'close'), PATIENCE_MS);
    return { code, output: output.trim() };
  } finally {
    child.kill('SIGKILL');
  }
}

// Does the same for a command that must succeed.
export async function runWell(settings) {
  const { code, output } = await runProgram(settings);
  if (code !== 0) throw new Error(`'${settings.join(' ')}' ended with ${code}: ${output}`);
}
