import { UpdateReason as WireReason } from './gen/presence/v1/user_pb.js';
import type { UserState } from './user-state.js';

/**
 * What changed about a user. `friendlyName`, `attributes`, `reachabilityOnline` and `reachabilityNotifiable` are those of the Conversations
 * SDK. `online` always accompanies `reachabilityOnline`: samples of the SDK compare reasons with it. The others are our own.
 */
export type UpdateReason =
  | 'created' | 'deleted' | 'friendlyName' | 'attributes' | 'role' | 'reachabilityOnline' | 'online' | 'reachabilityNotifiable';

const ONLINE: readonly UpdateReason[] = ['reachabilityOnline', 'online'];

/** The reasons that the server sent. A reason that this version does not know is left out; the state is new nevertheless. */
export function reasonsOf(sent: readonly WireReason[]): UpdateReason[] {
  return sent.flatMap(namesOf);
}

function namesOf(reason: WireReason): readonly UpdateReason[] {
  switch (reason) {
    case WireReason.CREATED: return ['created'];
    case WireReason.DELETED: return ['deleted'];
    case WireReason.FRIENDLY_NAME: return ['friendlyName'];
    case WireReason.ATTRIBUTES: return ['attributes'];
    case WireReason.ROLE: return ['role'];
    case WireReason.REACHABILITY_ONLINE: return ONLINE;
    case WireReason.REACHABILITY_NOTIFIABLE: return ['reachabilityNotifiable'];
    default: return [];
  }
}

/** What differs between two states of an identity. */
export function differences(before: UserState, after: UserState): UpdateReason[] {
  const reasons: UpdateReason[] = [];
  if (after.sid === '' && before.sid !== '') reasons.push('deleted');
  if (after.sid !== '' && before.sid !== after.sid) reasons.push('created');
  if (before.friendlyName !== after.friendlyName) reasons.push('friendlyName');
  if (before.attributes !== after.attributes) reasons.push('attributes');
  if (before.roleSid !== after.roleSid) reasons.push('role');
  // A user that was online meanwhile, and is offline again, has gone offline at another time.
  if (before.isOnline !== after.isOnline || before.lastOnlineTime?.getTime() !== after.lastOnlineTime?.getTime()) reasons.push(...ONLINE);
  if (before.isNotifiable !== after.isNotifiable) reasons.push('reachabilityNotifiable');
  return reasons;
}
