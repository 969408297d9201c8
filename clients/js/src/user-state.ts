import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { User as WireUser } from './gen/presence/v1/user_pb.js';

/** One state of a user. It never changes: a newer state replaces it. */
export interface UserState {
  readonly identity: string;
  /** Empty while no such user exists. */
  readonly sid: string;
  readonly friendlyName: string;
  /** A JSON object as the server stores it. */
  readonly attributes: string;
  readonly roleSid: string;
  readonly isOnline: boolean | null;
  readonly isNotifiable: boolean | null;
  readonly lastOnlineTime: Date | null;
  readonly revision: bigint;
}

export function stateOf(user: WireUser): UserState {
  return {
    identity: user.identity,
    sid: user.sid,
    friendlyName: user.friendlyName,
    attributes: user.attributes,
    roleSid: user.roleSid,
    isOnline: user.isOnline ?? null,
    isNotifiable: user.isNotifiable ?? null,
    lastOnlineTime: user.lastOnlineTime ? timestampDate(user.lastOnlineTime) : null,
    revision: user.revision,
  };
}

/** The state of an identity that has no user. */
export function absent(identity: string): UserState {
  return {
    identity,
    sid: '',
    friendlyName: '',
    attributes: '{}',
    roleSid: '',
    isOnline: null,
    isNotifiable: null,
    lastOnlineTime: null,
    revision: 0n,
  };
}

/** The state after the user was deleted. The profile stays, so that a page can still show the name. */
export function deleted(before: UserState, revision: bigint): UserState {
  return { ...before, sid: '', isOnline: null, isNotifiable: null, lastOnlineTime: null, revision };
}
