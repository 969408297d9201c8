import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ConfigurationService } from '../gen/presence/v1/configuration_service_pb.js';
import { UserService } from '../gen/presence/v1/user_service_pb.js';
import { within } from './waiting.js';

const PROGRAM = fileURLToPath(new URL('../../../../artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll', import.meta.url));

/** A built server on a database of its own, on free ports of loopback. It can be stopped and started again. */
export class PresenceServer {
  #child: ChildProcess | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'presence-js-'));
  readonly configuration: Client<typeof ConfigurationService>;
  readonly users: Client<typeof UserService>;

  private constructor(readonly port: number, readonly restPort: number, private readonly settings: string[], requiresCredentials: boolean) {
    if (requiresCredentials) this.adminKey = this.#createKey();
    const transport = createGrpcTransport({
      baseUrl: this.grpcUrl,
      interceptors: [(next) => (request) => {
        if (this.adminKey !== '') request.header.set('authorization', `Basic ${Buffer.from(this.adminKey).toString('base64')}`);
        return next(request);
      }],
    });
    this.configuration = createClient(ConfigurationService, transport);
    this.users = createClient(UserService, transport);
  }

  /** Starts a server, without credentials or with those of one administrator. */
  static async start({ settings = [] as string[], requiresCredentials = false } = {}): Promise<PresenceServer> {
    const server = new PresenceServer(await freePort(), await freePort(), settings, requiresCredentials);
    await server.restart();
    return server;
  }

  /** SID:secret of the administrator. */
  readonly adminKey: string = '';

  #createKey(): string {
    return this.#run('keys', 'create', '--role', 'admin').trim();
  }

  /** Runs a command on the database, and returns what it prints. */
  #run(...command: string[]): string {
    return execFileSync('dotnet', [PROGRAM, ...command, '--database', join(this.#folder, 'presence.db')],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  }

  /** Copies the database, while the server runs. */
  backUp(): void {
    this.#run('backup', join(this.#folder, 'backup.db'));
  }

  /** Replaces the database with the backup. The server has ended before. */
  restore(): void {
    this.#run('restore', join(this.#folder, 'backup.db'));
  }

  /** For Node. */
  get grpcUrl(): string { return `http://127.0.0.1:${this.port}`; }

  /** For pages. */
  get webUrl(): string { return `http://127.0.0.1:${this.restPort}`; }

  /** Starts the process on the same ports and the same database, and returns when it listens. */
  async restart(): Promise<void> {
    const log = openSync(join(this.#folder, 'server.log'), 'a');
    const ports = ['--port', `${this.port}`, '--rest-port', `${this.restPort}`];
    const child = this.#child = spawn('dotnet', [PROGRAM, ...ports, '--database', join(this.#folder, 'presence.db'), ...this.settings], {
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    process.once('exit', () => child.kill('SIGKILL')); // a test that ends early leaves nothing running
    await within(30, 'start of the server', new Promise<void>((resolve, reject) => {
      let listening = 0;
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line.includes('Listening on') && ++listening === 2) resolve(); // on both ports
      });
    }));
  }

  /** Stops the process as an operator does, or like a power cut. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await within(20, 'end of the server', exit);
  }

  async close(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Creates a service instance with reachability on, and returns its SID. */
  async createService(intervalSeconds: number, timeoutSeconds: number): Promise<string> {
    const { serviceInstance } = await this.configuration.createServiceInstance({ friendlyName: 'Test' });
    const serviceSid = serviceInstance!.sid;
    await this.configuration.updateConfiguration({
      configuration: {
        serviceSid, reachabilityEnabled: true, heartbeatInterval: { seconds: BigInt(intervalSeconds) },
        sessionTimeout: { seconds: BigInt(timeoutSeconds) },
      },
      updateMask: { paths: ['reachability_enabled', 'heartbeat_interval', 'session_timeout'] },
    });
    return serviceSid;
  }

  async switchReachability(serviceSid: string, reachabilityEnabled: boolean): Promise<void> {
    await this.configuration.updateConfiguration({
      configuration: { serviceSid, reachabilityEnabled }, updateMask: { paths: ['reachability_enabled'] },
    });
  }

  /** Whether the user is online, as any other client reads it. */
  async isOnline(serviceSid: string, userKey: string): Promise<boolean | undefined> {
    return (await this.users.getUser({ serviceSid, userKey })).user?.isOnline;
  }

  /** Ends all sessions of a user, as a back end can. */
  async endSessions(serviceSid: string, userKey: string): Promise<void> {
    const { sessions } = await this.users.listSessions({ serviceSid, userKey });
    for (const { sessionId } of sessions) await this.users.endSession({ serviceSid, userKey, sessionId });
  }

  async rename(serviceSid: string, identity: string, friendlyName: string): Promise<void> {
    await this.users.updateUser({ user: { serviceSid, identity, friendlyName }, updateMask: { paths: ['friendly_name'] } });
  }
}

// Below the ports that the system gives to outgoing connections, of which the tests open many before the server listens.
const PORTS = { first: 20_000, count: 12_000 };

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const port = PORTS.first + Math.floor(PORTS.count * Math.random());
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(() => true, () => false);
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('100 ports are in use');
}
