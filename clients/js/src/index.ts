export { Client } from './client.js';
export type { ClientEvents, ConnectionFailure, State } from './events.js';
export type { ClientOptions } from './options.js';
export { PresenceError } from './presence-error.js';
export type { TokenProvider } from './token-source.js';
export type { UpdateReason } from './update-reasons.js';
export type { User, UserEvents, UserUpdate } from './user.js';
export type { ConnectionState } from './watch.js';
