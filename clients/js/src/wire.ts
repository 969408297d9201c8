// The generated types, in one place.
export { UpdateReason } from './gen/presence/v1/user_pb.js';
export type { Configuration } from './gen/presence/v1/configuration_pb.js';
export { UserService, EndSessionRequestSchema } from './gen/presence/v1/user_service_pb.js';
export type { HeartbeatResponse, UserUpdate, WatchUsersResponse } from './gen/presence/v1/user_service_pb.js';
