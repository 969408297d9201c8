// What the kernel says of a process.
import { readFileSync, readdirSync } from 'node:fs';

// Bytes of its memory that are resident.
export const memoryOf = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

// Its open files and sockets.
export const handlesOf = (pid) => readdirSync(`/proc/${pid}/fd`).length;

export const threadsOf = (pid) => readdirSync(`/proc/${pid}/task`).length;

// How many connections to its port are established.
export function connectionsTo(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ESTABLISHED = '01';
  return readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === ESTABLISHED).length;
}

export const mebibytes = (bytes) => `${Math.round(bytes / 1024 / 1024)} MiB`;

// For a server that must not keep what it has done with: 256 MiB of managed memory, beyond which it ends; a megabyte for each of 250
// watches that are in the middle of a snapshot. Without, garbage that nobody collected yet looks like a leak.
export const littleMemory = { DOTNET_GCHeapHardLimit: '0x10000000' };
