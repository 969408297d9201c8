import { once } from 'node:events';
import { type Server, connect, createServer } from 'node:net';

/** A way to a port of loopback on which all answers take longer, by so many milliseconds. */
export async function slowWay(port: number, delayMs: number): Promise<{ url: string; way: Server }> {
  const way = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    const end = () => { client.destroy(); server.destroy(); };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.pipe(server);
    server.on('data', (data) => setTimeout(() => client.write(data), delayMs));
  });
  await once(way.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(way.address() as { port: number }).port}`, way };
}
