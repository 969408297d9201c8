// Reads what the kernel reports about a process.
import { readFileSync, readdirSync } from 'node:fs';

// The bytes of its resident memory.
export const memoryOf = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

// The number of its open files and sockets.
export const handlesOf = (pid) => readdirSync(`/proc/${pid}/fd`).length;

export const threadsOf = (pid) => readdirSync(`/proc/${pid}/task`).length;

// The number of established connections to its port.
export function connectionsTo(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ESTABLISHED = '01';
  return readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === ESTABLISHED).length;
}

export const mebibytes = (bytes) => `${Math.round(bytes / 1024 / 1024)} MiB`;

// For a server that must not leak: 256 MiB of managed memory, beyond which it ends; a megabyte for each of 250 watches that are in the
// middle of a snapshot. Without this limit, uncollected garbage looks like a leak.
export const littleMemory = { DOTNET_GCHeapHardLimit: '0x10000000' };
