import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles a module for a browser, with the built package as an application gets it. */
export async function bundle(contents: string, minify = false): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: PACKAGE, loader: 'ts' },
    bundle: true,
    minify,
    ignoreAnnotations: !minify, // the package says that its modules have no side effects, which is not so for those of the tests
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  return outputFiles[0]!.contents;
}

/** Serves files from memory at free port of loopback. Closed with the returned server. */
export async function serve(port: number, files: Record<string, string | Uint8Array>): Promise<Server> {
  const types: Record<string, string> = { js: 'text/javascript', html: 'text/html; charset=utf-8', css: 'text/css' };
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://page').pathname;
    const name = path === '/' ? 'index.html' : path.slice(1);
    const content = files[name];
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': types[name.split('.').at(-1)!] ?? 'text/plain' }).end(content);
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return server;
}
