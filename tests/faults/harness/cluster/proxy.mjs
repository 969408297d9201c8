// nginx in front of all nodes, which chooses a node for each request, as docs/operations.md configures it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isListening } from '../server.mjs';
import { until } from '../waiting.mjs';

const PATIENCE_MS = 10_000;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

export class Proxy {
  #child;
  #folder;

  constructor(scratch, host, port) {
    this.#folder = join(scratch, 'nginx');
    this.host = host;
    this.port = port;
    this.address = `${host}:${port}`;
    mkdirSync(this.#folder, { mode: 0o755 });
  }

  // Starts nginx with these addresses of nodes, and returns when it listens.
  async start(nodes) {
    this.#write(nodes);
    const log = openSync(join(this.#folder, 'output'), 'a');
    this.#child = spawn('nginx', ['-e', join(this.#folder, 'log'), '-c', this.#file], { stdio: ['ignore', log, log], env });
    process.on('exit', () => this.#child.kill('SIGTERM'));
    const ended = once(this.#child, 'exit').then(() => { throw new Error(`nginx ended; see ${this.#folder}`); });
    ended.catch(() => {}); // a later end is wanted
    await Promise.race([ended, until('nginx listens', () => isListening(this.port, this.host), PATIENCE_MS)]);
  }

  // Lets it use other nodes, without ending streams.
  reload(nodes) {
    this.#write(nodes);
    execFileSync('nginx', ['-e', join(this.#folder, 'log'), '-c', this.#file, '-s', 'reload'], { env });
  }

  get #file() {
    return join(this.#folder, 'nginx.conf');
  }

  #write(nodes) {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${this.#folder}/${name};`);
    writeFileSync(this.#file, `
worker_processes 1;
daemon off;
pid ${this.#folder}/pid;
error_log ${this.#folder}/log warn;
events { worker_connections 8192; }
http {
  access_log off;
  ${paths.join('\n  ')}
  upstream nodes {
    ${nodes.map((address) => `server ${address} max_fails=1 fail_timeout=2s;`).join('\n    ')}
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen ${this.host}:${this.port} http2;
    keepalive_requests 1000000;
    http2_max_concurrent_streams 1000;
    client_max_body_size 0;
    client_body_timeout 10m;
    grpc_set_header Host 127.0.0.1;
    grpc_connect_timeout 1s;
    grpc_read_timeout 10s;
    grpc_next_upstream error timeout;
    grpc_next_upstream_tries 2;
    location / { grpc_pass grpc://nodes; }
    location ~ ^/presence.v1.UserService/(StreamHeartbeats|WatchUsers)$ {
      grpc_pass grpc://nodes;
      grpc_read_timeout 10m;
      grpc_send_timeout 10m;
    }
  }
}
`);
  }
}
