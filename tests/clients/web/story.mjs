// A page that uses presence.v1 over gRPC-Web on a server without credentials. It leaves nothing behind.
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateServiceInstanceRequestSchema } from 'protos/presence/v1/configuration_service_pb.js';
import { UpdateReason } from 'protos/presence/v1/user_pb.js';
import { Watch, call, connect, rejected } from './presence.mjs';
import { equal } from './tap.mjs';

export async function runStory({ baseUrl }, step) {
  const { configuration, users } = connect(baseUrl);
  const phone = crypto.randomUUID();
  let serviceSid;
  let watch;

  await step('creates a service instance and switches reachability on', async () => {
    serviceSid = (await call(configuration, 'createServiceInstance', { friendlyName: 'Web story' })).serviceInstance.sid;
    const { configuration: now } = await call(configuration, 'updateConfiguration', {
      configuration: { serviceSid, reachabilityEnabled: true },
      updateMask: { paths: ['reachability_enabled'] },
    });
    equal(now.reachabilityEnabled, true);
  });

  await step('reads null for a user that was never online', async () => {
    await call(users, 'createUser', { serviceSid, identity: 'ada' });
    const { user } = await call(users, 'getUser', { serviceSid, userKey: 'ada' });
    equal([user.identity, user.isOnline ?? null, user.isNotifiable ?? null], ['ada', null, null]);
  });

  await step('reads documented errors with their details', async () => {
    const unknown = await rejected(users, 'getUser', { serviceSid, userKey: 'Jürgen' });
    equal([unknown.code, unknown.reason, unknown.metadata], ['NotFound', 'USER_NOT_FOUND', { user_key: 'Jürgen' }]);
    const malformed = await rejected(users, 'heartbeat', { serviceSid, sessionId: 'not a session id' });
    equal([malformed.code, malformed.reason, malformed.fields], ['InvalidArgument', 'FIELD_REQUIRED', ['user_key', 'session_id']]);
  });

  await step('watches: configuration, reset, all users without reasons, synced', async () => {
    watch = new Watch(users, { serviceSid });
    equal((await watch.expect('configuration')).reachabilityEnabled, true);
    await watch.expect('reset');
    equal((await watch.untilSynced()).map(({ user, updateReasons }) => [user.identity, updateReasons]), [['ada', []]]);
  });

  await step('beats, and the watch sees REACHABILITY_ONLINE', async () => {
    await call(users, 'heartbeat', { serviceSid, userKey: 'ada', sessionId: phone });
    const { user, updateReasons } = await watch.change('ada');
    equal([user.isOnline, updateReasons], [true, [UpdateReason.REACHABILITY_ONLINE]]);
  });

  await step('leaves the watch, resumes it, and sees what it missed with the reasons', async () => {
    watch.leave();
    await call(users, 'endSession', { serviceSid, userKey: 'ada', sessionId: phone });
    watch = new Watch(users, { serviceSid, resumeToken: watch.resumeToken });
    await watch.expect('configuration');
    const missed = await watch.untilSynced();
    equal(missed.map(({ user, updateReasons }) => [user.identity, user.isOnline, updateReasons]),
      [['ada', false, [UpdateReason.REACHABILITY_ONLINE]]]);
  });

  await step('gets an error for a stream of requests, which needs gRPC over HTTP/2', async () => {
    // The library does not even try to send the call.
    const { headers } = await fetch(`${baseUrl}/presence.v1.UserService/StreamHeartbeats`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web', 'x-grpc-web': '1' },
      body: new Uint8Array(5),
    });
    equal(headers.get('grpc-status'), '12');
  });

  await step('deletes the service instance, and the watch ends with the reason and its last token', async () => {
    await call(configuration, 'deleteServiceInstance', { serviceSid });
    const { code, reason, metadata } = await watch.end();
    equal([code, reason, metadata.resume_token], ['NotFound', 'SERVICE_INSTANCE_NOT_FOUND', watch.resumeToken]);
  });
}

// Checks that a page of an origin that is not allowed reads nothing and changes nothing.
export async function runForeignStory({ baseUrl, friendlyName }, step) {
  const request = { friendlyName };

  await step('cannot call from a page of another origin', async () => {
    const { code, message } = await rejected(connect(baseUrl).configuration, 'createServiceInstance', request);
    equal([code, /Failed to fetch/.test(message)], ['Unknown', true]);
  });

  await step('cannot call without a preflight from there', async () => {
    const message = toBinary(CreateServiceInstanceRequestSchema, create(CreateServiceInstanceRequestSchema, request));
    await fetch(`${baseUrl}/presence.v1.ConfigurationService/CreateServiceInstance`, {
      method: 'POST',
      mode: 'no-cors', // in this mode, a browser drops the content type
      headers: { 'content-type': 'application/grpc-web' },
      body: new Uint8Array([0, 0, 0, 0, message.length, ...message]),
    });
  });
}

// Whether the server has a service instance of this name.
export async function hasServiceInstance({ baseUrl, friendlyName }) {
  const { serviceInstances } = await call(connect(baseUrl).configuration, 'listServiceInstances', { pageSize: 500 });
  return serviceInstances.some((service) => service.friendlyName === friendlyName);
}
