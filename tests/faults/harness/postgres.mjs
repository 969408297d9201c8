// Starts a PostgreSQL server of the scenario's own, on a Unix socket in the scratch folder, and breaks it. The server refuses to run as
// root, so root starts it as the user that Debian's package creates.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { until, within } from './waiting.mjs';

const PATIENCE_MS = 20_000;
const MOST_SEGMENTS = 200;
const SEGMENT_MS = 50;
const ROLE = 'presence';
const DATABASE = 'presence';
const DEBIAN = '/usr/lib/postgresql';

export class Postgres {
  #child;
  #holder;
  #settings;

  constructor(scratch, settings = [], name = 'postgres') {
    this.#settings = settings;
    this.folder = join(scratch, name);
    this.connection = `Host=${this.folder};Database=${DATABASE};Username=${ROLE}`;
    this.logFile = join(this.folder, 'log');
  }

  // Creates the server in the folder, with an empty database, and starts it. `settings`: further ones. `segments`: the size of the files
  // of its write-ahead log in MB. `address`: a loopback address to listen on, besides the Unix socket.
  static async create(scratch, { settings = [], segments = 16, address = '' } = {}) {
    const postgres = new Postgres(scratch, [...settings, `listen_addresses=${address}`]);
    chmodSync(scratch, 0o711);
    postgres.#makeFolder();
    run('initdb', ['-D', postgres.#data, '-U', ROLE, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N', `--wal-segsize=${segments}`]);
    if (address !== '') appendFileSync(join(postgres.#data, 'pg_hba.conf'), 'host all all 127.0.0.0/8 trust\n');
    await postgres.start();
    postgres.query(`CREATE DATABASE ${DATABASE}`, 'postgres');
    return postgres;
  }

  // Creates a standby of this server in another folder, which streams its log, and starts it.
  async addStandby(scratch, name) {
    const standby = new Postgres(scratch, this.#settings, name);
    standby.#makeFolder();
    const settings = ['-h', this.folder, '-U', ROLE, '-D', standby.#data, '-R', '-X', 'stream', '-c', 'fast'];
    // The load of the scenario goes on meanwhile.
    await promisify(execFile)(join(programs, 'pg_basebackup'), settings, { cwd: '/', ...user });
    await standby.start();
    return standby;
  }

  // The standby receives nothing more, so a later promotion loses what the primary commits from now on.
  async stopReceiving() {
    this.query(`ALTER SYSTEM SET primary_conninfo = ''`, 'postgres');
    this.query('SELECT pg_reload_conf()', 'postgres');
    const isReceiving = () => this.query('SELECT count(*) FROM pg_stat_wal_receiver', 'postgres') !== '0';
    await until('the standby receives nothing', () => !isReceiving(), PATIENCE_MS);
  }

  // Waits until the standby has received and applied what the primary has written up to now.
  async catchUp(primary) {
    const written = primary.query('SELECT pg_current_wal_flush_lsn()');
    await until(
      'the standby has caught up',
      () => this.query(`SELECT pg_last_wal_replay_lsn() >= '${written}'::pg_lsn`) === 't', PATIENCE_MS);
  }

  // Makes a primary of the standby.
  promote() {
    this.query('SELECT pg_promote()', 'postgres');
  }

  // Starts the server, and returns when it accepts connections.
  async start() {
    const log = openSync(this.logFile, 'a');
    const settings = ['listen_addresses=', `unix_socket_directories=${this.folder}`, 'fsync=off', 'shared_buffers=64MB', ...this.#settings];
    this.#child = spawn(
      join(programs, 'postgres'), ['-D', this.#data, ...settings.flatMap((setting) => ['-c', setting])],
      { stdio: ['ignore', log, log], cwd: '/', ...user },
    );
    closeSync(log);
    const ended = once(this.#child, 'exit').then(() => { throw new Error(`PostgreSQL ended: ${readFileSync(this.logFile, 'utf8')}`); });
    ended.catch(() => {}); // later ends are wanted
    await Promise.race([ended, until('PostgreSQL accepts connections', () => this.#isReady(), PATIENCE_MS)]);
  }

  // Ends it: 'fast' ends the sessions first, 'immediate' is like a crash.
  async stop(mode = 'fast') {
    const ended = once(this.#child, 'exit');
    this.#child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await within('PostgreSQL ends', ended, PATIENCE_MS);
  }

  // Uses up the write-ahead log on a disk that is full, until the server panics and cannot start again.
  async exhaustLog() {
    const ended = once(this.#child, 'exit');
    for (let segment = 0; segment < MOST_SEGMENTS && this.#child.exitCode === null; segment += 1) {
      try {
        this.query('CREATE TEMP TABLE used (); SELECT pg_switch_wal()');
      } catch {
        // It panics, or restarts after that.
      }
      await pause(SEGMENT_MS);
    }
    await within('PostgreSQL ends', ended, PATIENCE_MS);
  }

  // Freezes every process of the server: connections stay open and are not answered.
  freeze() {
    this.#signalAll('SIGSTOP');
  }

  thaw() {
    this.#signalAll('SIGCONT');
  }

  // Runs SQL by psql, and returns what it prints.
  query(sql, database = DATABASE) {
    return run('psql', [...this.#connection, '-d', database, '-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1', '-c', sql]).trim();
  }

  // Ends the sessions of the presence server, as an administrator does. Returns how many there were.
  killSessions() {
    const sessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'node-%'`;
    return Number(this.query(`SELECT count(*) FROM (${sessions}) AS ended`));
  }

  // Opens a session that holds a lock which every commit needs, until `unlock`.
  async lock() {
    this.#holder = spawn(
      join(programs, 'psql'), [...this.#connection, '-X', '-q', '-v', 'ON_ERROR_STOP=1'],
      { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', ...user },
    );
    this.#holder.stdin.write('BEGIN;\nLOCK TABLE nodes IN EXCLUSIVE MODE;\n\\echo held\n');
    await within('the lock is held', once(this.#holder.stdout, 'data'), PATIENCE_MS);
  }

  async unlock() {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin.end('ROLLBACK;\n');
    await within('the lock is released', ended, PATIENCE_MS);
  }

  // Returns all data as SQL.
  dump() {
    const dump = run('pg_dump', [...this.#connection, '--no-owner', '--no-privileges']);
    return dump.replace(/^\\(un)?restrict .*\n/gm, ''); // commands of a later psql only
  }

  // Makes a backup as docs/postgres.md says. Returns its file.
  backup(name) {
    const file = join(this.folder, name);
    run('pg_dump', [...this.#connection, '-F', 'c', '-f', file]);
    return file;
  }

  // Replaces the data by a backup as docs/postgres.md says.
  restore(file) {
    run('pg_restore', [...this.#connection, '--clean', '--if-exists', '--no-owner', '--single-transaction', file]);
  }

  // The folder of PostgreSQL's own tools, and the environment variables with which they need no options.
  get tools() {
    return { programs, env: { PGHOST: this.folder, PGUSER: ROLE, PGDATABASE: DATABASE } };
  }

  get #connection() {
    return ['-h', this.folder, '-U', ROLE, '-d', DATABASE];
  }

  get #data() {
    return join(this.folder, 'data');
  }

  #isReady() {
    try {
      run('pg_isready', ['-q', '-h', this.folder]);
      return true;
    } catch {
      return false;
    }
  }

  #makeFolder() {
    mkdirSync(this.folder, { mode: 0o755 });
    if (user) chownSync(this.folder, user.uid, user.gid);
    process.on('exit', () => this.#end());
  }

  #signalAll(signal) {
    const { pid } = this.#child;
    // Those that start others first, so that a frozen server has no further process.
    for (const one of [pid, ...childrenOf(pid)]) {
      try {
        process.kill(one, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // it has ended meanwhile
      }
    }
  }

  #end() {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.thaw();
    run('pg_ctl', ['stop', '-s', '-m', 'immediate', '-D', this.#data]);
  }
}

const programs = findPrograms();
const user = process.getuid() === 0 ? idsOf('postgres') : undefined;

function findPrograms() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((name) => existsSync(join(DEBIAN, name, 'bin', 'initdb'))) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest ? join(DEBIAN, newest, 'bin') : '';
}

// Runs a program of PostgreSQL to its end, and returns its output.
function run(program, settings) {
  return execFileSync(join(programs, program), settings, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', ...user });
}

function idsOf(name) {
  const [, , uid, gid] = readFileSync('/etc/passwd', 'utf8').split('\n').find((line) => line.startsWith(`${name}:`)).split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function childrenOf(parent) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}
